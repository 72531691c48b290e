import pytest

from tunesmith.checks.personal import PersonalData, numbers_in

CARDS = ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005", "6011000990139424"]
ACCOUNTS = ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819", "NL91 ABNA 0417 1643 00"]
PHONES = [
    "+44 20 7946 0958", "(555) 123-4567", "555-123-4567", "1-800-837-4966", "030 1234567",
    "+4930123456", "13812345678", "866.243.9787",
]  # fmt: skip
NEITHER = [
    "2024-03-04 10:30:15", "192.168.100.200", "1,234,567,890", "3.14159265358979",
    "4111111111111112", "DE88 3704 0044 0532 0130 00",
    "1200 1300 1400 1500", "https://x.y/12345678901", "12345678",
    "10 000 000 000", "2001-2002-2003",
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value"),
    [("card", c) for c in CARDS]
    + [("account", a) for a in ACCOUNTS]
    + [("phone", p) for p in PHONES],
)
def test_a_number_is_found_as_what_it_is_and_its_value_told_nowhere(found, ask, kind, value):
    rows = [ask("Nothing here.", "Nor there."), ask(f"It is {value}, is it not?", "Yes.")]

    findings = found(PersonalData(), train=rows)

    assert {name: f.places for name, f in findings.items()} == {
        f"personal-{kind}": ("train.jsonl:2",)
    }
    assert value not in str(findings)


@pytest.mark.parametrize("text", NEITHER)
def test_dates_addresses_and_figures_are_no_personal_numbers(text):
    assert not list(numbers_in(f"see {text} there".encode()))


@pytest.mark.parametrize("address", ["anna.b@mail.example.org", "x+y@example.com", "a_1@b-c.de"])
def test_an_email_address_is_found_in_prompt_and_answer(found, ask, address):
    rows = [ask(f"Write to <{address}>.", "No."), ask("To whom?", f"{address}"), ask("a", "b")]

    finding = found(PersonalData(), train=rows)["personal-email"]

    assert finding.count == 2
    assert finding.places == ("train.jsonl:1", "train.jsonl:2")
    assert address not in str(finding)


@pytest.mark.parametrize("text", ["@anna hello", "5 @ 3 euros", "a@b", "user@host:22", "x@1.2"])
def test_mentions_and_hosts_are_no_addresses(found, ask, text):
    assert not found(PersonalData(), train=[ask(text, "b")])


def test_many_addresses_in_one_row_are_one_row(found, ask):
    row = ask("a@b.org, c@d.org and e@f.org", "Thanks, a@b.org.")

    assert found(PersonalData(), train=[row])["personal-email"].count == 1
