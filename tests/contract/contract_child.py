"""Runs checks in a process of its own: given '[[reference, check], ...]', prints one JSON entry each."""

from __future__ import annotations

import json
import sys
import time
import traceback
import warnings

import torch

from tests.contract.contract_checks import CHECKS, LONG_CHECKS, fingerprint_digest, products
from tests.contract.contract_subject import Subject


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("error")
    results = []
    for reference, check in json.loads(sys.argv[1]):
        begun = time.process_time()
        try:
            answer = {**CHECKS, **LONG_CHECKS, "digest": fingerprint_digest, "products": products}[check](
                Subject(reference)
            )
            failure = None
        except Exception:  # noqa: BLE001  # every failure is reported
            answer, failure = None, traceback.format_exc()
        results.append({"answer": answer, "failure": failure, "seconds": time.process_time() - begun})
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main()
