"""The bundled algorithms: one file each. Imported as `autorl.algorithms`, never by the folder's bare name."""

if __name__ != "autorl.algorithms":
    raise ImportError(f"import autorl.algorithms instead of {__name__!r}")
