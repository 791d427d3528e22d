"""Secrets out: by name, by value, by form."""

from __future__ import annotations

import pytest

from filiation.capture.redaction import WITHHELD, Redactor, is_secret_name

SECRET = "hunter2-and-some-more"


@pytest.mark.parametrize(
    "name",
    ["password", "OMERO_PASSWORD", "omeroPassword", "db.passwd", "token", "api-key", "GITHUB_TOKEN", "client_secret",
     "session_uuid", "aws_secret_access_key", "credentials", "accessToken"],
)  # fmt: skip
def test_a_secrets_name_is_known(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["author", "tokenizer", "sigma", "passes", "compass", "monkey", "keyboard", "sessions", "authority", "n_tok"],
)
def test_an_ordinary_name_is_none(name: str) -> None:
    assert not is_secret_name(name)


def test_a_value_is_withheld_by_its_name_however_deep() -> None:
    redactor = Redactor({})
    assert redactor.plain({"omero": [{"password": SECRET, "host": "h"}]}) == {
        "omero": [{"password": WITHHELD, "host": "h"}]
    }
    assert redactor.withheld == ("password",)


def test_a_known_secret_is_withheld_from_any_text() -> None:
    redactor = Redactor({"LAB_TOKEN": SECRET})
    redactor.learn({"config": {"api_key": "another-secret-value"}})
    text = redactor.plain({"command": f"curl {SECRET} another-secret-value"})
    assert text == {"command": f"curl {WITHHELD} {WITHHELD}"}


def test_a_socket_of_an_agent_is_no_secret() -> None:
    redactor = Redactor({"SSH_AUTH_SOCK": "/tmp/ssh-123456/agent", "PWD": "/data/project"})
    assert redactor.text("/data/project/x /tmp/ssh-123456/agent") == "/data/project/x /tmp/ssh-123456/agent"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://me:pa55word@host/x", f"https://{WITHHELD}@host/x"),
        ("tool --token abc123 --sigma 2", f"tool --token {WITHHELD} --sigma 2"),
        ("tool --password='a b' x", f"tool --password={WITHHELD} x"),
        ("OMERO_PASSWORD=xyz omero login", f"OMERO_PASSWORD={WITHHELD} omero login"),
        ("tokens are counted by the tokenizer", "tokens are counted by the tokenizer"),
    ],
)
def test_a_secret_is_withheld_by_its_form(text: str, expected: str) -> None:
    assert Redactor({}).text(text) == expected


def test_arguments_lose_their_secrets_in_both_forms() -> None:
    arguments = ["snakemake", "--config", f"omero_password={SECRET}", "--token", SECRET, "sigma=2"]
    assert Redactor({}).arguments(arguments) == [
        "snakemake", "--config", f"omero_password={WITHHELD}", "--token", WITHHELD, "sigma=2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        '    token=config["api_token"],',
        "tokens = 3",
        "max_tokens: 512",
        "password = getpass()",
        "use_token: true",
        "token:",
    ],
)
def test_expressions_and_numbers_in_code_stay(line: str) -> None:
    assert Redactor({}).document(f"rule a:\n{line}\n", code=True) == f"rule a:\n{line}\n"


@pytest.mark.parametrize(
    "line", [f'    token="{SECRET}",', f"OMERO_PASSWORD = '{SECRET}'", f'config["api_key"] = "{SECRET}"']
)
def test_a_literal_secret_in_code_is_withheld(line: str) -> None:
    assert SECRET not in Redactor({}).document(line, code=True)


@pytest.mark.parametrize("line", [f"password: {SECRET}", f'  "api_key" = "{SECRET}"', f"export LAB_TOKEN={SECRET}"])
def test_a_files_text_loses_what_is_assigned_to_a_secrets_name(line: str) -> None:
    text = Redactor({}).document(f"sigma: 2\n{line}\nname: x\n")
    assert SECRET not in text
    assert text.startswith("sigma: 2\n")
    assert text.endswith("\nname: x\n")
