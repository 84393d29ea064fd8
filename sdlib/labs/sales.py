"""A real SQLite database of sales with a query that is expensive: no index leads to a product's sales.

So it reads every row. By primary key a single sale is found at once.
"""

import sqlite3

SALES, PRODUCTS = 500_000, 5_000
SOLD = "SELECT sum(quantity) FROM sale WHERE product = ?"
ONE_SALE = "SELECT quantity FROM sale WHERE id = ?"
FILL = """\
WITH RECURSIVE number(id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM number WHERE id + 1 < ?)
INSERT INTO sale SELECT id, id * 7919 % ?, 1 + id % 3 FROM number"""


def make_database(path):
    """Write the database."""
    sales = sqlite3.connect(path)
    with sales:
        sales.execute("CREATE TABLE sale (id INTEGER PRIMARY KEY, product INTEGER, quantity INTEGER)")
        sales.execute(FILL, (SALES, PRODUCTS))
    sales.close()


class Sales:
    """One connection to the database. It counts its `queries`. Not to be shared by threads."""

    def __init__(self, path):
        self._connection, self.queries = sqlite3.connect(path), 0

    def ask(self, query, number):
        """The one number that the query gives for a product or a sale."""
        self.queries += 1
        return self._connection.execute(query, (number,)).fetchone()[0]

    def close(self):
        """Close the connection."""
        self._connection.close()
