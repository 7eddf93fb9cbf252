"""`penstock completion`: a script that lets a shell complete words of this command."""

import argparse

from penstock.cli.command import FINE, Command

_BASH = """\
_penstock() {
    local IFS=$'\\n' line
    COMPREPLY=()
    while read -r line; do
        COMPREPLY+=("$line")
    done < <(penstock _complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [ ${#COMPREPLY[@]} -eq 0 ]; then
        COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
    fi
}
complete -F _penstock penstock
"""
_ZSH = """\
#compdef penstock
_penstock() {
    local -a found
    found=("${(@f)$(penstock _complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [ -n "${found[1]}" ]; then compadd -- "${found[@]}"; else _files; fi
}
compdef _penstock penstock
"""
_FISH = """\
function __penstock_complete
    set -l words (commandline -opc) (commandline -ct)
    penstock _complete $words[2..-1] 2>/dev/null
end
complete -c penstock -a '(__penstock_complete)'
"""
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which shell."""
    parser.add_argument("shell", choices=tuple(SCRIPTS), help='as in: eval "$(penstock completion bash)"')


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    print(SCRIPTS[options.shell], end="")
    return FINE


COMMAND = Command(add_options, run)
