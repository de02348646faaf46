"""The bundled studies: one YAML file each, run by name with `autorl run NAME`."""
