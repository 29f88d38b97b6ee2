"""Settings: what is refused, and what is said of it."""

from pathlib import Path

import pytest

from services.config import Settings, load_settings
from services.errors import Fatal


def settings_of(folder: Path, text: str) -> Settings:
    (folder / "spiegelnet.toml").write_text(text, "utf-8")
    return load_settings(folder)


@pytest.mark.parametrize(
    "address",
    [
        "localhost", "localhost:", ":9092", "localhost:0", "localhost:65536", "localhost:999999", "localhost:port",
        "https://localhost:9092", "localhost:9092/path", "operator:secret@localhost:9092", "local host:9092",
        "localhost:9092,other:9092", "localhost:9092\\n", "localhost:9092?sslmode=disable", "[::1]:9092",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("section", "key"),
    [("broker", "server"), ("catalog", "server"), ("key_services", "a"), ("sql", "server"), ("schedule", "server")],
)
def test_an_address_is_a_host_and_a_port_and_nothing_around_them(
    section: str, key: str, address: str, tmp_path: Path
) -> None:
    with pytest.raises(Fatal) as caught:
        settings_of(tmp_path, f'[{section}]\n{key} = "{address}"\n')
    told = caught.value.what
    assert f"{section}.{key}: Value error, must be host:port with a port up to 65535, and nothing else" in told
    assert "secret" not in told
    assert "Mend the key" in caught.value.todo


@pytest.mark.parametrize(
    "address", ["localhost:9092", "10.0.0.7:1", "broker.spiegelnet.example:65535", "postgresql:5432"]
)
def test_names_and_numbers_of_hosts_are_taken(address: str, tmp_path: Path) -> None:
    assert settings_of(tmp_path, f'[sql]\nserver = "{address}"\n').sql.server == address


@pytest.mark.parametrize(
    "url",
    [
        "collector:5000",
        "ftp://collector",
        "see http://collector",
        "http://collector and more",
        "https://user:secret@host",
    ],
)
def test_a_collector_is_an_address_of_the_web_without_a_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(Fatal, match=r"lineage\.url: ") as caught:
        settings_of(tmp_path, f'[lineage]\nurl = "{url}"\n')
    assert "secret" not in caught.value.what
    assert settings_of(tmp_path, '[lineage]\nurl = "http://collector:5000"\n').lineage.url == "http://collector:5000"
