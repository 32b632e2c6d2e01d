"""A storage peer that appends the identifier and digest of every object it is sent to a file: LOG PORT."""

import hashlib
import sys
import threading
from typing import Any

from pynetdicom import AE, AllStoragePresentationContexts, evt


def main() -> None:
    """Print the port and receive until killed."""
    log = open(sys.argv[1], "a", encoding="utf-8", buffering=1)  # noqa: SIM115

    def store(event: Any) -> int:
        encoded = event.encoded_dataset(include_meta=False)
        log.write(f"{event.request.AffectedSOPInstanceUID} {hashlib.sha256(encoded).hexdigest()}\n")
        return 0x0000

    entity = AE(ae_title="PEER")
    entity.supported_contexts = AllStoragePresentationContexts
    server = entity.start_server(("127.0.0.1", int(sys.argv[2])), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    assert server is not None
    print(server.server_address[1], flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
