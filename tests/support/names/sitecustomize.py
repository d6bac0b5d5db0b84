"""What /etc/hosts does where it can be changed: in a Python that has this folder on its PYTHONPATH, port 443 of the hosts in
OVERRIDDEN_NAMES is OVERRIDING_PORT of this machine."""

import os
import socket

look_up = socket.getaddrinfo
names = os.environ["OVERRIDDEN_NAMES"].split()


def getaddrinfo(host, port, *arguments, **options):
    if host in names and port == 443:
        host, port = "127.0.0.1", int(os.environ["OVERRIDING_PORT"])
    return look_up(host, port, *arguments, **options)


socket.getaddrinfo = getaddrinfo
