"""``tsdg completion``: a script for a shell, which asks tsdg for what may stand at the cursor."""

from __future__ import annotations

from tsdg.commands.words import Words, did_you_mean
from tsdg.errors import UsageError

COMPLETE = "_complete"
"""The word by which the scripts call :mod:`tsdg.commands.complete`."""


def main(words: Words) -> int:
    """Print the script of one shell."""
    shell = words.arguments[0]
    if shell not in _SCRIPTS:
        raise UsageError(
            f"tsdg completion: found {shell!r}{did_you_mean(shell, _SCRIPTS)}; "
            f"allowed: {', '.join(_SCRIPTS)}"
        )
    print(_SCRIPTS[shell].replace("COMPLETE", COMPLETE), end="")
    return 0


# Where tsdg knows nothing, a shell offers files. A word that ends with one of = . , [ goes on.
_BASH = """\
# Completion of tsdg for bash: eval "$(tsdg completion bash)" in ~/.bashrc
_tsdg() {
    local line=${COMP_LINE:0:COMP_POINT}
    mapfile -t COMPREPLY < <("${COMP_WORDS[0]}" COMPLETE bash "$line" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=.,[] ]]; then compopt -o nospace; fi
}
complete -o default -F _tsdg tsdg
"""
_ZSH = """\
#compdef tsdg
# Completion of tsdg for zsh: eval "$(tsdg completion zsh)" in ~/.zshrc, after compinit
_tsdg() {
    local line value
    local -a whole wholes open opens
    for line in "${(@f)$("${words[1]}" COMPLETE zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        value=${line%%$'\\t'*}
        [[ -n $value ]] || continue
        if [[ $value == *[=.,\\[] ]]; then
            open+=("$value"); opens+=("${line/$'\\t'/  -- }")
        else
            whole+=("$value"); wholes+=("${line/$'\\t'/  -- }")
        fi
    done
    if (( ${#whole} + ${#open} == 0 )); then
        compset -P '*='
        _files
        return
    fi
    compadd -l -d wholes -a whole
    compadd -l -S '' -d opens -a open
}
if [[ $funcstack[1] == _tsdg ]]; then _tsdg "$@"; else compdef _tsdg tsdg; fi
"""
_FISH = """\
# Completion of tsdg for fish: tsdg completion fish | source in ~/.config/fish/config.fish
function __tsdg_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found (command $words[1] COMPLETE fish $words[2..-1] "$current" 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        set -l key (string match -r '^[^=]*=' -- "$current")
        for path in (__fish_complete_path (string replace -r '^[^=]*=' '' -- "$current"))
            echo "$key$path"
        end
    end
end
complete -c tsdg -f -a '(__tsdg_complete)'
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
