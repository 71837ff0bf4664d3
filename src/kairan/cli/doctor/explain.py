"""kairan doctor explain: what does this refusal mean?"""

from typing import Annotated

import typer

from kairan.cli.doctor.options import (
    EXIT_CODES,
    LangOption,
    language,
    print_lines,
    read_standard_input,
)
from kairan.cli.errors import BadInputError
from kairan.cli.options import JsonOption, examples, one_command
from kairan.cli.output import print_json
from kairan.doctor.explain.explain import explain as explanations_of
from kairan.doctor.explain.explain import verdict_of
from kairan.doctor.explain.text import lines_of, record_of

TEXT_OCTETS_MAX = 1_000_000  # a pasted transcript; larger ones are for `kairan doctor log`


app = one_command()


@app.command(
    "explain",
    epilog=examples(
        'kairan doctor explain "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."',
        "kairan doctor explain --lang ja '501 5.5.127'",
        "journalctl -u postfix | tail -1 | kairan doctor explain - --json",
    ),
    help=f"Explain a pasted reply, log line or bounce.\n\nOf Kairan, Exchange or any other server.\n\n{EXIT_CODES}",
)
def explain(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text; - reads it from input.")],
    lang: LangOption = None,
    as_json: JsonOption = False,
) -> None:
    if text == "-":
        text = read_standard_input(octets_max=TEXT_OCTETS_MAX, what="the reply")
    if not text.strip():
        raise BadInputError("there is no text; give the reply, or - and the reply on input")
    found, spoken = explanations_of(text), language(lang)
    if as_json:
        print_json([record_of(one, spoken) for one in found])
    else:
        print_lines(lines_of(found, spoken))
    raise typer.Exit(int(verdict_of(found)))
