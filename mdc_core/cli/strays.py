"""Settings that are of nothing: misspelt tables of mdc.toml, and variables of the environment."""

from collections.abc import Iterable

from mdc_core import plugin_files, registry
from mdc_core.cli.settable import variables
from mdc_core.errors import ConfigError
from mdc_core.installed import LIMIT, verb_files
from mdc_core.session import Session
from mdc_core.suggest import near, question, unknown

# Tables that belong to several commands.
SHARED = ("compression", "tier")
# Variables that are no option of one verb.
OF_ALL = (
    "MDC_CONFIG",
    LIMIT,
    "MDC_LOG_FORMAT",
    plugin_files.PATH,
    "MDC_QUIET",
    "MDC_ROOT",
    "MDC_STATE",
    "MDC_TZ",
    "MDC_UPDATE_GOLDEN",
    "MDC_VERBOSE",
    "MDC_WIRE",
)


def refuse_stray_tables(session: Session, path: tuple[str, ...], verb: str) -> None:
    """Raise ConfigError for a table that is misspelt; one that is like nothing is told.

    It may be that of a plugin which is not installed here.
    """
    commands = [*registry.find("filter"), *verb_files(), *SHARED]
    places: dict[tuple[str, ...], list[str]] = {(): commands}
    if verb or len(path) == 1:  # the tables of a group are its commands' own matter
        places[path[:1]] = list(registry.find(verb)) if verb else []
    for place, names in places.items():
        for name, file in session.config.tables(*place).items():
            if name in names:
                continue
            table = ".".join((*place, name))
            if near(name, names):
                raise ConfigError(f"{file}: [{table}]: {unknown('table', name, names)}")
            session.warn_once(f"{file}: [{table}] is not used: {unknown('table', name, names)}")


def tell_stray_variables(
    session: Session, path: tuple[str, ...], known: Iterable[str], others: Iterable[str]
) -> None:
    """Warn of variables that are meant for this command or for mdc, and are of no option.

    `known` are those of the command and of its plugins; `others` are the words that may follow
    the verb. What is like nothing here belongs to somebody else.
    """
    options, verb = {*known}, f"{variables(path[:1], '')[0]}"
    apart = tuple(variables((*path[:1], word), "")[0] for word in others if word not in path)
    for name in session.environ:
        if not name.startswith("MDC_") or name in options or name in OF_ALL:
            continue
        if not name.startswith(verb):
            close = _elsewhere(name)
        elif name.startswith(apart):
            continue
        else:
            close = near(name, options)
        if close or name.startswith(verb):
            text = "is not used: no option has this variable"
            session.warn_once(f"{name} (environment) {text}{question(close)}")


def _elsewhere(name: str) -> list[str]:
    """What a variable may mean that is not of the command at hand; nothing if it is another's."""
    word = name.removeprefix("MDC_")
    if meant := near(word, [known.removeprefix("MDC_") for known in OF_ALL]):
        return [f"MDC_{found}" for found in meant]
    verbs = [verb.upper().replace("-", "_") for verb in (*verb_files(), *registry.find("filter"))]
    first, _, rest = word.partition("_")
    if not rest or word.startswith(tuple(f"{verb}_" for verb in verbs)):
        return []
    return [f"MDC_{verb}_{rest}" for verb in near(first, verbs)[:1]]
