"""A finished run in the formats that other tools read; :mod:`tsdg.package.export.formats` first."""
