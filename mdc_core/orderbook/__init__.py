"""Order books rebuilt from snapshots and changes: by price, and order by order.

Many books at once, each that of a symbol on a channel of a provider. Prices and sizes are whole
numbers of a unit inside, so that nothing is rounded; rows are read and written as columns.
"""
