"""`python -m autorl.cli`."""

from autorl.cli import main

if __name__ == "__main__":
    main()
