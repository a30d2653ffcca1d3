"""The footing file: read as it is written, and refused where it is not."""

from __future__ import annotations

import pytest

from signkit.errors import MalformedError, RegistryError
from signkit.registry import footing_file
from signkit.registry.footing_file import check_installed, load_footing_file

LEAST = 'database = "postgresql://u:p@h/d"\nbucket = "b"\n'


def load(folder, text):
    path = folder / "registry.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_footing_file(path)


def test_the_least(tmp_path):
    footing = load(tmp_path, LEAST)
    assert footing.database.render_as_string(hide_password=False) == "postgresql://u:p@h/d"
    bucket = footing.bucket
    assert (bucket.name, bucket.endpoint, bucket.public_endpoint) == ("b", None, None)
    assert bucket.region == "us-east-1"


def test_everything(tmp_path):
    more = 'endpoint = "http://s3:8333/"\npublic_endpoint = "https://s3.example"\nregion = "eu"\n'
    bucket = load(tmp_path, LEAST + more).bucket
    assert (bucket.endpoint, bucket.public_endpoint) == ("http://s3:8333", "https://s3.example")
    assert bucket.region == "eu"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the key 'database'"),
        ('database = "postgresql://h/d"', "expected the key 'bucket'"),
        (LEAST + 'bucket_name = "x"', "unknown key 'bucket_name', expected one of bucket, "),
        (LEAST + 'bucket = "twice"', "not TOML: "),
        (LEAST + "region = 5", "region: expected a text"),
        (LEAST + 'region = ""', "region: expected a text"),
        (LEAST + 'region = "a\\u0007"', "region: expected a text"),
        (LEAST + 'endpoint = "ftp://h"', "endpoint: expected http:// or https:// with a host"),
        (LEAST + 'endpoint = "http://h/path"', "endpoint: expected http:// or https://"),
        (b"\xff", "not TOML: "),
        (b"#" * 70_000, "expected at most 65536 bytes"),
        ('database = "sqlite:///x"\nbucket = "b"', "expected postgresql://USER@HOST/DATABASE"),
        ('database = "no secret"\nbucket = "b"', "expected postgresql://USER@HOST/DATABASE"),
        ('database = "postgresql://h"\nbucket = "b"', "expected postgresql://USER@HOST/DATABASE"),
    ],
)
def test_what_is_no_footing_file(tmp_path, text, message):
    with pytest.raises(MalformedError) as refused:
        load(tmp_path, text)
    assert message in str(refused.value)
    assert str(tmp_path) in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(RegistryError, match="No such file"):
        load_footing_file(tmp_path / "registry.toml")


def test_without_the_extra(monkeypatch):
    check_installed()
    monkeypatch.setattr(footing_file, "find_spec", lambda _name: None)
    with pytest.raises(RegistryError, match="needs the package boto3"):
        check_installed()
