"""Feather files, which Acme's notebooks open: Arrow tables, compressed by zstd."""

import pyarrow as pa

from mdc_core.plugin import PartFormat


class AcmeFeather(PartFormat):
    suffix = ".feather"

    def write(self, part, metadata, file):
        schema = part.schema.with_metadata({**(part.schema.metadata or {}), **metadata})
        packed = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_file(file, schema, options=packed) as out:
            for table in part.tables():
                out.write_table(table)

    def read(self, file):
        with pa.ipc.open_file(file) as whole:
            for number in range(whole.num_record_batches):
                yield whole.get_batch(number)
