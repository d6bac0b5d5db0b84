"""What tests have in C beside them (tests/support/NAME.c): programs, and libraries that stand before the service's own calls."""

import os
import pathlib
import subprocess


def compiled(folder, name, *options):
    """The path of what is made of NAME.c there."""
    source, made = pathlib.Path(__file__).with_name(f"{name}.c"), folder / name
    subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-o", made, source, *options], check=True)
    return made


def preloaded(folder, name, *options):
    """The environment of a service into which NAME.c is loaded first: its functions take the place of libc's."""
    return {
        "LD_PRELOAD": str(compiled(folder, name, "-shared", "-fPIC", *options)),
        # AddressSanitizer wants to come first, lest a call escapes it: the few that ours take over may
        "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
    }
