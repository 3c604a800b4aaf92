"""Where we listen."""

import errno
import socket

from entrypoints.settings import ConfigurationError


def bound(host: str, port: int, name: str) -> socket.socket:
    """
    A socket that is ours and does not listen yet: until it does, who knocks is refused. `name`: the port's variable.

    Raises:
        ConfigurationError: the host is none of this machine's, or somebody else has the port; names the variable.
    """
    one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        one.bind((host, port))
    except OSError as why:
        one.close()
        if isinstance(why, socket.gaierror) or why.errno == errno.EADDRNOTAVAIL:
            raise ConfigurationError(
                f"HOST must be an address of this machine, such as 127.0.0.1 or 0.0.0.0 ({why.strerror})"
            ) from None
        raise ConfigurationError(
            f"port {port} cannot be used ({why.strerror}): is `payments up` running already? Set {name} to another one."
        ) from None
    return one
