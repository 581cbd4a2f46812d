"""The words of `onsale rush`: what does not go together is said, before anything starts."""

import pytest
from typer.testing import CliRunner

from onsale.__main__ import application


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scale", "1000", "--visitors", "5"], "--visitors does not go with --scale"),
        (["--scale", "1000", "--patience", "5"], "--patience does not go with --scale"),
        (["--scale", "1000", "--concert", "1"], "--concert does not go with --scale"),
        (["--scale", "1000", "--rehearse", "tour"], "--rehearse does not go with --scale"),
        (["--seconds", "10"], "--seconds is for --scale only"),
        (["--sample", "10"], "--sample is for --scale only"),
        (["--admit", "10"], "--admit is for --scale only"),
        (["--join", "http"], "--join is for --scale only"),
        (["--scale", "1000000", "--sample", "100"], "--sample 100 is too small"),
        (["--scale", "10"], "greater than or equal to 100"),
        (["--scale", "1000", "--join", "carrier-pigeon"], "carrier-pigeon"),
        (["--concert", "1", "--rehearse", "tour"], "leave out --concert"),
    ],
)
def test_what_does_not_go_together_is_refused(words: list[str], said: str) -> None:
    done = CliRunner().invoke(application, ["rush", *words], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert said in done.output
