"""The commands, one thin file each: ``main(arguments)`` parses, calls, prints and returns the exit code."""
