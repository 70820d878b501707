"""What a database holds, read past our own code."""

import psycopg
from psycopg.rows import DictRow, dict_row


class Rows:
    """What a database holds, for tests."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, query: str, *values: object) -> list[DictRow]:
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as connection:
            answer = connection.execute(query, values)
            return answer.fetchall() if answer.description else []

    def one(self, query: str, *values: object) -> DictRow:
        [row] = self(query, *values)
        return row

    def event(self, event_id: str) -> DictRow:
        return self.one("SELECT * FROM webhook_events WHERE event_id = %s", event_id)

    def cases(self, source: str) -> list[DictRow]:
        return self("SELECT * FROM cases WHERE source = %s ORDER BY id", source)
