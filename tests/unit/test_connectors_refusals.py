"""What is wrong with a row is said of that row, with place and reason; the rest of the file goes on."""

from pathlib import Path

import polars as pl
import pytest

from connectors import (
    Batch,
    SourceError,
    early_warning_message,
    energy_supplier,
    health_insurer,
    housing_corporation,
    messages_ddas,
    readers,
    water_company,
)
from connectors.readers import Dialect, csv_blocks
from services.samples.exports import write_workbook

HEADER = (
    "Dossiernr;BSN;Naam;Straat;Huisnr;Toev;Postcode;Woonplaats;Openstaand bedrag;"
    "Ontstaan op;Gemeld op;Crisis;Warme overdracht;Opmerking"
)
GOOD = "V-1;999990019;J. Piëst;Kade;10;A;1234 AB;Oord;1.234,50;01-02-2025;05-03-2025;J;;niets"

CASES = {
    "wrong date format": (GOOD.replace("05-03-2025", "2025/31/12"), "Gemeld op", "not_a_date"),
    "month and day swapped": (GOOD.replace("05-03-2025", "12-31-2025"), "Gemeld op", "not_a_date"),
    "two-digit year": (GOOD.replace("05-03-2025", "05-03-25"), "Gemeld op", "not_a_date"),
    "no date": (GOOD.replace("05-03-2025", ""), "Gemeld op", "missing"),
    "unreadable amount": (GOOD.replace("1.234,50", "onbekend"), "Openstaand bedrag", "not_an_amount"),
    "decimal point": (GOOD.replace("1.234,50", "1234.50"), "Openstaand bedrag", "not_an_amount"),
    "amount beyond any integer": (GOOD.replace("1.234,50", "98765432109"), "Openstaand bedrag", "not_an_amount"),
    "unknown code": (GOOD.replace(";J;", ";X9;"), "Crisis", "unknown_code"),
    "no house number": (GOOD.replace(";10;", ";;"), "Postcode, Huisnr", "missing_address"),
    "no postcode": (GOOD.replace("1234 AB", ""), "Postcode, Huisnr", "missing_address"),
    "half a postcode": (GOOD.replace("1234 AB", "5678"), "Postcode, Huisnr", "unreadable_address"),
    "BSN as key": (GOOD.replace("V-1", "999990019"), "Dossiernr", "bsn_in_field"),
    "BSN within the key": (GOOD.replace("V-1", "V/999 990 019/a"), "Dossiernr", "bsn_in_field"),
    "BSN as house number": (GOOD.replace(";10;", ";999990019;"), "Postcode, Huisnr", "bsn_in_field"),
    "BSN as addition": (GOOD.replace(";A;", ";999 990 019;"), "Postcode, Huisnr", "bsn_in_field"),
    "no key": (GOOD.replace("V-1", ""), "Dossiernr", "missing"),
    "a separator too many": (GOOD.replace("Kade", "Kade;3"), "row", "ragged_row"),
    "an open quotation mark": (GOOD.replace("J. Piëst", '"J. Piëst'), "row", "ragged_row"),
}


def read(tmp_path: Path, *lines: str, end: str = "\r\n") -> Batch:
    """The one batch of an export with these lines, a good one before and after."""
    path = tmp_path / "energie_achterstanden.csv"
    text = "\r\n".join([HEADER, GOOD.replace("V-1", "V-first"), *lines, GOOD.replace("V-1", "V-last")]) + end
    path.write_bytes(text.encode("cp1252"))
    (batch,) = energy_supplier.read(path)
    return batch


@pytest.mark.parametrize(("line", "field", "reason"), CASES.values(), ids=CASES)
def test_a_wrong_row_is_refused_by_itself(tmp_path: Path, line: str, field: str, reason: str) -> None:
    batch = read(tmp_path, line)
    (refused,) = batch.refused.to_dicts()
    assert (refused["source_row"], refused["field"], refused["reason"]) == (3, field, reason)
    assert refused["raw"] == line
    assert batch.rows["source_row"].to_list() == [2, 4]
    assert batch.rows_read == 3


def test_house_number_and_addition_are_not_read_as_one_number(tmp_path: Path) -> None:
    batch = read(tmp_path, GOOD.replace(";10;A;", ";99999;0019;"))
    assert batch.rows["household"].to_list() == ["1234AB|10|A", "1234AB|99999|0019", "1234AB|10|A"]


@pytest.mark.parametrize(("line", "field", "reason"), CASES.values(), ids=CASES)
def test_a_refusal_names_no_value_of_the_row(tmp_path: Path, line: str, field: str, reason: str) -> None:
    (refused,) = read(tmp_path, line).refused.to_dicts()
    said = f"{refused['field']} {refused['reason']} {refused['remedy']}"
    values = [cell for cell in line.split(";") if len(cell) > 2]
    assert not [value for value in values if value in said], (field, reason)


def test_a_good_row_becomes_an_event_of_whole_euros(tmp_path: Path) -> None:
    row = read(tmp_path).rows.row(0, named=True)
    assert row["household"] == "1234AB|10|A"
    assert (row["amount_eur"], row["crisis"], row["warm_handover"]) == (1235, True, None)
    assert (str(row["arisen_on"]), str(row["signalled_on"])) == ("2025-02-01", "2025-03-05")


def test_what_only_the_receiver_judges_passes(tmp_path: Path) -> None:
    """Negative and absurd amounts and dates in the wrong order are quarantined by the contract, not lost here."""
    negative = GOOD.replace("1.234,50", "-12,50")
    absurd = GOOD.replace("1.234,50", "98765432")
    backwards = GOOD.replace("01-02-2025", "01-02-2026")
    batch = read(tmp_path, negative, absurd, backwards)
    assert batch.rows["amount_eur"].to_list()[1:3] == [-12, 98_765_432]
    assert batch.refused.is_empty()


def test_equal_rows_are_not_merged(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD, GOOD).rows["source_key"].to_list() == ["V-first", "V-1", "V-1", "V-last"]


def test_a_broken_byte_is_located_and_costs_its_row_only(tmp_path: Path) -> None:
    path = tmp_path / "energie_achterstanden.csv"
    lines = [HEADER.encode(), GOOD.encode("cp1252"), GOOD.encode("cp1252").replace(b"Kade", b"Ka\x81de"), b""]
    path.write_bytes(b"\r\n".join(lines))
    (batch,) = energy_supplier.read(path)
    (refused,) = batch.refused.to_dicts()
    assert (refused["source_row"], refused["field"], refused["reason"]) == (3, "Straat", "broken_encoding")
    assert "Byte 26" in refused["remedy"]
    assert "Ka\\x81de" in refused["raw"]
    assert batch.rows["source_row"].to_list() == [2]


def test_a_file_that_ends_within_a_row_loses_that_row(tmp_path: Path) -> None:
    path = tmp_path / "energie_achterstanden.csv"
    path.write_bytes("\r\n".join([HEADER, GOOD, GOOD[:40]]).encode("cp1252"))
    (batch,) = energy_supplier.read(path)
    assert batch.refused.select("source_row", "reason").rows() == [(3, "truncated_line")]
    assert batch.rows.height == 1


def test_a_last_line_without_line_end_is_a_row(tmp_path: Path) -> None:
    assert read(tmp_path, end="").rows["source_key"].to_list() == ["V-first", "V-last"]


def test_cells_may_hold_separators_and_line_ends_between_quotation_marks(tmp_path: Path) -> None:
    note = GOOD.replace("niets", '"zei: ""nee""; en\r\nkwam terug"')
    batch = read(tmp_path, note)
    assert batch.refused.is_empty()
    assert batch.rows["source_row"].to_list() == [2, 3, 5]


def test_two_stray_quotation_marks_do_not_swallow_the_rows_between(tmp_path: Path) -> None:
    stray = GOOD.replace("J. Piëst", '"J. Piëst')
    batch = read(tmp_path, stray, GOOD, stray)
    assert batch.refused["source_row"].to_list() == [3, 5]
    assert batch.rows["source_row"].to_list() == [2, 4, 6]


def test_a_byte_order_mark_says_that_the_text_is_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "energie_achterstanden.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\n{GOOD}\n".encode())
    (batch,) = energy_supplier.read(path)
    assert batch.rows.height == 1


@pytest.mark.parametrize("content", [b"", b"\r\n", b"\x81;\x8d\r\n"])
def test_a_file_without_header_is_refused_as_a_whole(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "energie_achterstanden.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError):
        list(energy_supplier.read(path))


def test_an_absent_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "energie_achterstanden.csv"
    path.write_text(HEADER.replace("Gemeld op", "Datum") + "\n")
    with pytest.raises(SourceError, match="'Gemeld op'") as error:
        list(energy_supplier.read(path))
    assert "Datum" not in str(error.value)


def test_an_insurer_without_key_column_leaves_the_key_to_file_and_row(tmp_path: Path) -> None:
    path = tmp_path / "zorg_achterstanden.csv"
    header = "Postcode;Huisnummer;Huisnummertoevoeging;Soort;Premieachterstand;Achterstand sinds;Datum signaal\n"
    path.write_text(header + "1234AB;10;;ZORG;250,49;20250102;20250303\n1234AB;10;;CAK;250,50;20250102;20250303\n")
    (batch,) = health_insurer.read(path)
    assert batch.rows["source_key"].to_list() == [None, None]
    assert batch.rows["partner_type"].to_list() == ["health_insurance", "cak_health_insurance"]
    assert batch.rows["amount_eur"].to_list() == [250, 251]


def test_memory_stays_small_and_rows_keep_their_numbers_over_blocks(tmp_path: Path) -> None:
    """A file of more than one block: batches stay small, and a bad byte near the end is still found at its line."""
    path = tmp_path / "water_achterstanden.csv"
    header = (
        "meldingsnummer,postcode,huisnummer,huisletter,toevoeging,bedrag,achterstand_vanaf,meldingsdatum,crisis,naam\n"
    )
    rows = [f"W-{at},1234AB,10,,,100.00,2025-01-02,2025-03-03,N,{'n' * 30}\n" for at in range(60_000)]
    rows[55_000] = rows[55_000].replace("nnn", "n\xe9n", 1)
    path.write_bytes(header.encode() + "".join(rows).encode("latin-1"))
    assert path.stat().st_size > readers.BLOCK_BYTES
    batches = list(water_company.read(path))
    assert len(batches) > 1
    assert pl.concat([batch.refused for batch in batches])["source_row"].to_list() == [55_002]
    good = pl.concat([batch.rows for batch in batches])
    assert good.height == 59_999
    assert (good["source_key"] == "W-" + (good["source_row"] - 2).cast(pl.String)).all()


def test_a_workbook_and_a_text_file_of_the_same_rows_give_the_same_events(tmp_path: Path) -> None:
    columns = ["Signaalnummer", "Huisnummer", "Huisletter", "Toevoeging", "Postcode", "Achterstand"]
    columns += ["Achterstand sinds", "Signaaldatum", "Crisis", "Warme overdracht"]
    sheet = pl.DataFrame(
        [
            ["H-1", "10", "a", "", "1234 ab", "950.50", "2025-01-02", "2025-03-04", "J", "N"],
            ["H-2", "0012", "", "2", "1234AB", "-3.00", "2025-01-02", "2025-03-04", "", ""],
            ["H-3", "12", "", "", "1234AB", "veel", "2025-01-02", "2025-03-04", "", ""],
            ["H-4", "12", "", "", "1234AB", "10.00", "2025-01-02", "2025/31/12", "", ""],
        ],
        schema=columns,
        orient="row",
    )
    write_workbook(tmp_path / "huurachterstanden.xlsx", sheet)
    text = sheet.with_columns(
        pl.col("Achterstand").str.replace(".", ",", literal=True),
        pl.col("^.*(sinds|datum)$").str.replace(r"^(\d{4})-(\d\d)-(\d\d)$", "$3-$2-$1"),
    )
    text.write_csv(tmp_path / "huurachterstanden.csv", separator=";")
    (of_sheet,) = housing_corporation.read(tmp_path / "huurachterstanden.xlsx")
    (of_text,) = housing_corporation.read(tmp_path / "huurachterstanden.csv")
    assert of_sheet.rows.equals(of_text.rows)
    assert of_sheet.refused.select("source_row", "field", "reason").rows() == [
        (4, "Achterstand", "not_an_amount"),
        (5, "Signaaldatum", "not_a_date"),
    ]
    assert of_text.refused["source_row"].to_list() == [4, 5]


def test_a_damaged_workbook_is_refused_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "huurachterstanden.xlsx"
    path.write_bytes(b"PK\x03\x04 no workbook")
    with pytest.raises(SourceError, match="cannot be opened"):
        list(housing_corporation.read(path))


def test_a_message_that_would_not_fit_in_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "vroegsignalen_2025-12.json"
    with path.open("wb") as file:
        file.truncate(messages_ddas.MAX_BYTES + 1)
    with pytest.raises(SourceError, match="larger than 192 MB") as refused:
        list(early_warning_message.CONNECTOR.read(path))
    assert refused.value.todo == "Export it per month."


def test_blank_lines_are_no_records(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a;b\n\n1;2\n\n")
    (block,) = csv_blocks(path, Dialect(), ("a", "b"))
    assert block.cells.rows() == [(3, "1;2", "1", "2")]
