"""A filter that leaves out lock files, and a key that says which names are locks."""

from roar.api import ConfigKey, Filter, hookimpl

roar_api = 1


class LockFiles(Filter):
    name = "lock files"
    config_key = "locks.ignore"
    reason = "lock files say that somebody is at work, and carry no data"
    order = 100

    def prepare(self, context):
        suffixes = tuple(suffix.encode() for suffix in context.config("locks.suffixes"))
        return lambda path, direction: path.endswith(suffixes)


@hookimpl
def roar_filters():
    return [LockFiles()]


@hookimpl
def roar_config_keys():
    return [ConfigKey("locks.suffixes", list, [".lock", ".lck"], "Names that end in one of these are lock files.")]
