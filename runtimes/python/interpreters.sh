# Sourced by the scripts beside it: finds interpreters.

# Prints the interpreters named by the arguments, or else one of each version that the package supports.
interpreters() {
    local version found
    if [ $# -gt 0 ]; then
        printf '%s\n' "$@"
        return
    fi
    for version in 3.11 3.12 3.13 3.14; do
        # A shim of a version manager may be in the path without anything behind it.
        for found in "$(command -v "python$version" || true)" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
            if [ -x "$found" ] && "$found" -c 'import venv, ensurepip' 2>/dev/null; then
                printf '%s\n' "$found"
                break
            fi
        done
    done
}
