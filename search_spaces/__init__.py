"""The bundled search spaces: one YAML file each."""
