"""What Trino refuses is told in our words, with a way on and never with a value."""

from dataclasses import dataclass

import pytest

from services.errors import NotAllowed, Rejected, Retryable, SpiegelnetError
from services.federation.trino_refusals import user_error
from services.federation.trino_statement import single_read

TABLES = ["hub.benchmark.figures", "hub.benchmark.peers", "gm0518.published.cells", "gm0599.published.cells"]


@dataclass(frozen=True)
class Told:
    """What the client tells of an error."""

    error_name: str | None
    message: str = ""
    error_type: str | None = "USER_ERROR"
    error_location: tuple[int, int] | None = None


def shown(told: Told) -> SpiegelnetError:
    return user_error(told, lambda: TABLES)


@pytest.mark.parametrize(
    ("told", "hint"),
    [
        (Told("TABLE_NOT_FOUND", "line 1:15: Table 'hub.benchmark.figure' does not exist"), "hub.benchmark.figures"),
        (Told("SCHEMA_NOT_FOUND", "line 1:15: Schema 'hub.bench' does not exist"), "SHOW TABLES"),
        (Told("CATALOG_NOT_FOUND", "line 1:15: Catalog 'gm0519' not found"), "gm0518"),
        (Told("COLUMN_NOT_FOUND", "line 1:8: Column 'municpality' cannot be resolved"), "municipality"),
        (Told("FUNCTION_NOT_FOUND", "line 1:8: Function 'f' not registered"), "SHOW FUNCTIONS"),
        (Told("SYNTAX_ERROR", "line 2:1: mismatched input", error_location=(2, 1)), "Correct"),
    ],
)
def test_a_mistake_in_the_query_is_told_with_a_way_on(told: Told, hint: str) -> None:
    error = shown(told)
    assert isinstance(error, Rejected)
    assert hint in error.todo
    assert all((error.what, error.why, error.todo))


@pytest.mark.parametrize(
    ("name", "kind", "group"),
    [
        ("PERMISSION_DENIED", "USER_ERROR", NotAllowed),
        ("QUERY_QUEUE_FULL", "INSUFFICIENT_RESOURCES", Retryable),
        ("EXCEEDED_TIME_LIMIT", "INSUFFICIENT_RESOURCES", Rejected),
        ("CLUSTER_OUT_OF_MEMORY", "INSUFFICIENT_RESOURCES", Rejected),
        ("ICEBERG_CATALOG_ERROR", "EXTERNAL", Retryable),
        ("GENERIC_INTERNAL_ERROR", "INTERNAL_ERROR", Retryable),
        ("SERVER_STARTING_UP", "INTERNAL_ERROR", Retryable),
        ("DIVISION_BY_ZERO", "USER_ERROR", Rejected),
        ("TYPE_MISMATCH", "USER_ERROR", Rejected),
        ("SOMETHING_NEW", "USER_ERROR", Rejected),
        (None, None, Rejected),
    ],
)
def test_every_other_error_is_in_the_group_of_what_the_reader_can_do(
    name: str | None, kind: str | None, group: type[SpiegelnetError]
) -> None:
    error = shown(Told(name, "Cannot cast 'gm0518 secret' to INT", kind))
    assert type(error) is group
    assert all((error.what, error.why, error.todo))
    assert "secret" not in str(error)


def test_what_was_denied_is_named_but_a_text_that_could_hold_a_value_is_not_repeated() -> None:
    denied = shown(Told("PERMISSION_DENIED", "Access Denied: Cannot select from table gm0518.published.cells$files"))
    assert "gm0518.published.cells$files" in denied.why
    assert "secret" not in str(shown(Told("PERMISSION_DENIED", "Access Denied: View with 'secret'")))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        " -- a word first\n(with a as (select ';') select * from a) ; -- and nothing more",
        "VALUES 1",
        "TABLE hub.benchmark.figures",
        "SHOW TABLES FROM hub.benchmark",
        "DESCRIBE hub.benchmark.figures;",
    ],
)
def test_one_statement_that_reads_passes_without_its_semicolon(sql: str) -> None:
    assert single_read(sql).rstrip() == sql.split(" ; --", maxsplit=1)[0].removesuffix(";")


@pytest.mark.parametrize(
    "sql",
    ["DROP TABLE x", "INSERT INTO x VALUES 1", "EXPLAIN ANALYZE DELETE FROM x", "CALL x()", "SET SESSION a = 1",
     "EXECUTE IMMEDIATE 'DROP TABLE x'", "CREATE CATALOG x USING iceberg"],
)  # fmt: skip
def test_another_statement_is_not_sent(sql: str) -> None:
    with pytest.raises(NotAllowed):
        single_read(sql)


@pytest.mark.parametrize("sql", ["", " -- nothing", ";", "SELECT 1; SELECT 2", "SELECT 1; DROP TABLE x", "SELECT 'a"])
def test_no_statement_or_several_are_refused(sql: str) -> None:
    with pytest.raises(Rejected):
        single_read(sql)
