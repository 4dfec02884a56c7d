"""The yardstick: DuckDB reads the same JSONL and writes it as partitioned Parquet.

python bench/duckdb_run.py typed x.jsonl OUT    columns of exact types
python bench/duckdb_run.py auto x.jsonl OUT     columns as DuckDB guesses them
python bench/duckdb_run.py count OUT...         rows in the Parquet files of each archive
python bench/duckdb_run.py hive ROOT SYMBOL DAY [TYPE]   the events of a partition, as JSON
"""

import sys

import duckdb

NUMBERS = ("price", "size", "bid_price", "bid_size", "ask_price", "ask_size")
TYPES = {
    **dict.fromkeys(("type", "v", "symbol", "provider", "venue", "channel"), "VARCHAR"),
    **dict.fromkeys(("aggressor_side", "trade_id", "tape"), "VARCHAR"),
    **dict.fromkeys(("ts_event", "ts_recv"), "TIMESTAMP_NS"),
    **dict.fromkeys(NUMBERS, "DECIMAL(18,9)"),
    "seq": "BIGINT",
    "conditions": "VARCHAR[]",
}


def store(source: str, target: str, columns: dict[str, str] | None) -> None:
    """One file for each symbol and type, zstd-compressed."""
    named = f", columns = {columns}" if columns else ""
    duckdb.execute(
        f"COPY (SELECT * FROM read_json('{source}', format = 'newline_delimited'{named})) "
        f"TO '{target}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (symbol, type))"
    )


def count(root: str) -> int:
    """Trades and quotes in Parquet files laid out by symbol and type, hive or not."""
    paths = [f"{root}/*/*{name}/**/*.parquet" for name in ("trade", "quote")]
    query = f"SELECT sum(num_rows) FROM parquet_file_metadata({paths})"
    ((found,),) = duckdb.execute(query).fetchall()
    return int(found)


def hive(root: str, symbol: str, day: str, type_name: str | None) -> None:
    """What a hive-partitioned read finds; all types at once have to be joined by name."""
    files = f"{root}/*/type={type_name}/*/*.parquet" if type_name else f"{root}/**/*.parquet"
    joined = "" if type_name else ", union_by_name = true"
    duckdb.execute(
        f"COPY (SELECT * FROM read_parquet('{files}', hive_partitioning = true{joined}) "
        f"WHERE symbol = '{symbol}' AND date = '{day}') TO '/dev/stdout' (FORMAT json)"
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["typed", source, target]:
            store(source, target, TYPES)
        case ["auto", source, target]:
            store(source, target, None)
        case ["hive", root, symbol, day, *types]:
            hive(root, symbol, day, types[0] if types else None)
        case ["count", *roots]:
            print(*map(count, roots))
        case _:
            sys.exit(__doc__)
