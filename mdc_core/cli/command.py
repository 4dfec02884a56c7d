"""Commands that know their plugins' options, and the settings for them."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from mdc_core import registry
from mdc_core.cli.chain import makes_stage, must_be_stage
from mdc_core.cli.either_side import behind_verb, find_config, with_root
from mdc_core.cli.lazy import CommandsOfVerb, HelpfulCommand, VerbGroup
from mdc_core.cli.settable import FromEnvironment, Option, path_of, variables
from mdc_core.cli.settings import (
    apply_global,
    blamed,
    only_asks,
    settings_of,
)
from mdc_core.cli.signals import release
from mdc_core.cli.strays import refuse_stray_tables, tell_stray_variables
from mdc_core.errors import ConfigError, MdcError
from mdc_core.pipelines.chosen import Chosen
from mdc_core.session import Session
from mdc_core.wire import stdout

if TYPE_CHECKING:
    from mdc_core.cli.plugin_options import Declared


def _is_given(ctx: click.Context, option: click.Parameter) -> bool:
    """Whether somebody gave an option a value, in whatever way."""
    return ctx.get_parameter_source(str(option.name)) is not click.core.ParameterSource.DEFAULT


class Command(HelpfulCommand):
    """A command whose options can be set in the environment and in mdc.toml as well."""

    verb = ""
    prefixed = False
    heeds_settings = True

    def plugins(self, ctx: click.Context, args: list[str]) -> dict[str, Any]:
        """The plugins whose options this command takes, by name."""
        return {}

    def loaded(self, ctx: click.Context) -> dict[str, Any]:
        """The plugins that this run of the command uses."""
        found: dict[str, Any] = ctx.meta.get(f"mdc.plugins.{ctx.command_path}", {})
        return found

    def attached(self, ctx: click.Context) -> "list[Declared]":
        """The options of the plugins that this run of the command uses."""
        found: list[Declared] = ctx.meta.get(f"mdc.options.{ctx.command_path}", [])
        return found

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own options, then those of its plugins, then those of all commands."""
        params, attached = super().get_params(ctx), self.attached(ctx)
        first = [param for param in attached if isinstance(param, click.Argument)]
        others = [param for param in attached if param not in first]
        return [*first, *params[:-1], *others, *self._of_all, *params[-1:]]

    @cached_property
    def _of_all(self) -> list[click.Option]:
        taken = {flag for option in self.params for flag in option.opts}
        return behind_verb(taken, timed=any(option.type.name == "time" for option in self.params))

    def names(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The names of those plugins."""
        return []

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Flags first, then the environment, then mdc.toml, then the defaults."""
        session = ctx.find_object(Session)
        if not ctx.resilient_parsing:
            find_config(ctx, args)
            args = with_root(ctx, args)
        asked = list(args)  # click consumes its list
        if session is not None and session.completing is not None:
            self._attach_declared(ctx, args)
            # Where its value is still to come, click would not read what stands before it either.
            rest = super().parse_args(ctx, args[:-1] if self._awaits(ctx, args) else args)
            session.lacking = self._lacks_value(ctx, asked)
            return rest
        plugins: dict[str, Any] = {}
        try:
            plugins = self.plugins(ctx, args)
        except MdcError:
            if not ctx.resilient_parsing:
                raise
        self._attach(ctx, args, plugins)
        path = path_of(ctx)
        if not only_asks(ctx, args):
            self._refuse_secrets(ctx, plugins)
            apply_global(ctx)
            ctx.default_map = self._settings(ctx, path, plugins)
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            from mdc_core.cli.complaints import no_such_option

            raise no_such_option(error.option_name, ctx) from None
        except click.BadParameter as error:
            raise blamed(error) from None
        if not ctx.resilient_parsing:
            self._tell_strays(ctx, path, plugins)
            self._build(ctx, asked, plugins)
            self._tell_namesakes(session, plugins)
        return rest

    def called(self, path: tuple[str, ...]) -> str:
        """What messages call it: the verb, with the word of a group behind it, and no plugin."""
        return super().called(path[: max(len(path) - 1, 1)] if self.verb else path)

    def _tell_strays(
        self, ctx: click.Context, path: tuple[str, ...], plugins: Mapping[str, Any]
    ) -> None:
        session = ctx.find_object(Session)
        if session is None or not any(name.startswith("MDC_") for name in session.environ):
            return
        known: set[str] = set()
        for option in self.get_params(ctx):
            known |= {*option.variables(ctx)} if isinstance(option, FromEnvironment) else set()
            if isinstance(option, Option):
                known |= {*option.former_variables(ctx), *variables(path, option.key)}
        for plugin in plugins.values():
            secrets = (*plugin.secrets, *plugin.optional_secrets)
            known |= {name for secret in secrets for name in (secret, f"{secret}_FILE")}
        group = ctx.parent.command if ctx.parent is not None and len(path) > 1 else None
        below = {*registry.find(self.verb)} if self.verb else set()
        below |= {*group.list_commands(ctx)} if isinstance(group, click.Group) else set()
        tell_stray_variables(session, path, known, below - {*plugins})

    def _lacks_value(self, ctx: click.Context, words: list[str]) -> bool:
        """Whether a value must come next: that of the last option, or of an argument."""
        arguments = (p for p in self.get_params(ctx) if not isinstance(p, click.Option))
        return self._awaits(ctx, words) or any(
            param.required and ctx.params.get(str(param.name)) in (None, ()) for param in arguments
        )

    def _awaits(self, ctx: click.Context, words: list[str]) -> bool:
        """Whether the last word is an option that takes a value."""
        options = (param for param in self.get_params(ctx) if isinstance(param, click.Option))
        valued = (o for o in options if not (o.is_flag or o.count))
        return bool(words) and any(words[-1] in option.opts for option in valued)

    def _versions(self, ctx: click.Context) -> dict[str, str]:
        """The third parties' plugins that touch the data; ours have mdc's version."""
        refs = [registry.lookup(self.verb, name) for name in self.loaded(ctx)]
        others = (ref for ref in refs if not registry.is_built_in(ref))
        return {f"{ref.verb}:{ref.word}": f"{ref.distribution} {ref.version}" for ref in others}

    def _tell_namesakes(self, session: Session | None, plugins: dict[str, Any]) -> None:
        """Report the plugins that are not used because others have their names."""
        for name in plugins if session is not None else ():
            for other in registry.namesakes(self.verb, name):
                if other.word not in plugins and session is not None:
                    who = registry.describe(other)
                    session.warn_once(f"{who} is not used: the name is taken; say {other.word}")

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; while plugins are at work, what they print goes to stderr."""
        session = ctx.find_object(Session)
        if session is not None and session.chained:
            must_be_stage(ctx)
        if not makes_stage(self):
            release()
        if not self.verb:
            return super().invoke(ctx)
        with stdout.reserved():
            made = super().invoke(ctx)
        if makes_stage(self):
            made.plugins = self._versions(ctx)
        return made

    def _attach_declared(self, ctx: click.Context, args: list[str]) -> None:
        """The plugins' options as TAB needs them: read from the source, nothing imported."""
        from mdc_core.cli.declared import declared_options

        refs = registry.find(self.verb) if self.verb else {}
        found = [
            option
            for name in self.names(ctx, args)
            if name in refs
            for option in declared_options(refs[name], f"{name}-" if self.prefixed else "")
        ]
        ctx.meta[f"mdc.options.{ctx.command_path}"] = found

    def _attach(self, ctx: click.Context, args: list[str], plugins: dict[str, Any]) -> None:
        ctx.meta[f"mdc.options.{ctx.command_path}"] = []
        ctx.meta[f"mdc.plugins.{ctx.command_path}"] = {}
        if not plugins:
            return
        from mdc_core.cli.plugin_options import options_of, refuse_taken

        ours = [*self.params, *self._of_all]
        taken = {flag for option in ours for flag in (*option.opts, *option.secondary_opts)}
        found = []
        for name, plugin in list(plugins.items()):
            try:
                options = options_of(self.scope(name), name, plugin, prefixed=self.prefixed)
                refuse_taken(name, options, taken)
            except ConfigError as error:
                self.leave_out(ctx, args, name, error)
                del plugins[name]
                continue
            found += options
        ctx.meta[f"mdc.options.{ctx.command_path}"] = found
        ctx.meta[f"mdc.plugins.{ctx.command_path}"] = plugins

    def leave_out(self, ctx: click.Context, args: list[str], name: str, error: Exception) -> None:
        """Go on without a plugin that cannot be used, where that is possible."""
        raise error

    def scope(self, plugin: str) -> tuple[str, ...]:
        """The table of a plugin's settings in mdc.toml."""
        return (self.verb, plugin)

    def _refuse_secrets(self, ctx: click.Context, plugins: Mapping[str, Any]) -> None:
        session = ctx.find_object(Session)
        for name, plugin in plugins.items():
            if session is not None:
                secrets = (*plugin.secrets, *plugin.optional_secrets)
                session.config.refuse_secrets(secrets, *self.scope(name))

    def _settings(
        self, ctx: click.Context, path: tuple[str, ...], plugins: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What mdc.toml says for the options of this command, by parameter."""
        session = ctx.find_object(Session)
        if session is None or not session.config.files:
            return {}
        own: dict[str, click.Parameter] = {o.key: o for o in self.params if isinstance(o, Option)}
        scopes = {path[:depth]: own for depth in range(1, len(path) + 1)}
        for name in plugins:
            scope = self.scope(name)
            fields = {o.field: o for o in self.attached(ctx) if o.plugin == name}
            scopes[scope] = {**scopes.get(scope, {}), **fields}
        refuse_stray_tables(session, path, self.verb)
        return settings_of(ctx, session.config, scopes)

    def _build(self, ctx: click.Context, args: list[str], plugins: dict[str, Any]) -> None:
        """Put the chosen plugins, with their options, among the values of the command."""
        from mdc_core.cli.plugin_options import filled

        chosen = []
        for name, plugin in list(plugins.items()):
            options = [o for o in self.attached(ctx) if o.plugin == name]
            given = [o for o in options if _is_given(ctx, o)]
            try:
                with stdout.reserved():
                    values = filled(ctx, plugin, options)
                chosen.append(Chosen(name, plugin, values))
            except (MdcError, click.BadParameter) as error:
                if given:
                    raise
                self.leave_out(ctx, args, name, error)
            # The code of Options is a stranger's as well.
            except (Exception, SystemExit) as error:
                failure = registry.failure(registry.lookup(self.verb, name), error)
                self.leave_out(ctx, args, name, failure)
        self.choose(ctx, chosen)

    def choose(self, ctx: click.Context, chosen: list[Chosen]) -> None:
        """Hand the chosen plugins to the command."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options, then a section for each plugin."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            plugin = getattr(param, "plugin", None)
            if record is not None and (plugin or isinstance(param, click.Option)):
                title = f"Options of {plugin}" if plugin else "Options"
                sections.setdefault(title, []).append(record)
        for title, records in [*sections.items(), *self.lists(ctx)]:
            with formatter.section(title):
                formatter.write_dl(records)

    def lists(self, ctx: click.Context) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """What there is to choose from: the words of options, each with what it means."""
        for option in self.get_params(ctx):
            if isinstance(option, Option) and option.values and not option.hidden:
                yield f"Values of {option.opts[-1]}", list(option.values.items())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write where else the options can be set, then the examples."""
        path, plugins = path_of(ctx), self.loaded(ctx)
        tables = [path]
        if any(self.scope(name) != path for name in plugins):
            tables.append((self.verb, "NAME"))
        rows = [(variables(t, "OPTION")[0], f"[{'.'.join(t)}] in mdc.toml") for t in tables]
        with formatter.section("Settings"):
            formatter.write_dl(rows)
        how = "secret: a variable, a file named by NAME_FILE, or a keyring"
        secrets = [(name, how) for plugin in plugins.values() for name in plugin.secrets]
        for plugin in plugins.values():
            secrets += [(name, f"optional {how}") for name in plugin.optional_secrets]
        if secrets:
            with formatter.section("Secrets"):
                formatter.write_dl(secrets)
        super().format_epilog(ctx, formatter)


class CommandGroup(CommandsOfVerb, VerbGroup):
    """A verb with commands of its own, each like other commands."""

    command_class = Command
