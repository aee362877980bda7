"""What is sent, and to whom: the same for everybody who is measured."""

ACCOUNT_SID = "AC" + "0" * 32
AUTH_TOKEN = "benchmark-auth-token"  # noqa: S105  of a carrier on this machine
OUR_NUMBER = "+15005550006"
# Whose numbers they are, so that none is taken for another.
READERS, WARMING, SLEEPERS = "+1415", "+1628", "+1646"
BODY = "Text {} of story {}. The ferry leaves at noon, and nobody on the pier has seen the captain since Tuesday night."


def number(prefix: str, index: int) -> str:
    return f"{prefix}{index:07}"
