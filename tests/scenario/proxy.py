"""A proxy before podman's socket, which lets through what the README says that is used."""
import os
import re
import socket
import threading

from world import HERE

README = os.path.join(HERE, "..", "..", "README.md")


def endpoints():
    with open(README, encoding="utf-8") as file:
        rows = re.findall(r"^\| ([A-Z]+) \| `(libpod/[^`]+)` \|", file.read(), re.M)
    return [(method, path, re.compile(r"(/v[0-9.]+)?/" + re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + r"(\?.*)?"))
            for method, path in rows]


class Proxy:
    """Lets through what the README's table names, answers 403 to all else, and keeps both lists."""

    def __init__(self, upstream, path):
        self.upstream, self.used, self.refused = upstream, set(), []
        self.endpoints = endpoints()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client):
        """One request a connection: each answer says that it closes."""
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                more = client.recv(65536)
                if not more:
                    return
                head += more
            head, rest = head.split(b"\r\n\r\n", 1)
            first, *lines = head.decode("latin1").split("\r\n")
            method, target, _ = first.split(" ")
            for known, name, pattern in self.endpoints:
                if method == known and pattern.fullmatch(target):
                    self.used.add((method, name))
                    break
            else:
                self.refused.append((method, target))
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            lines = [line for line in lines if not line.lower().startswith("connection:")] + ["Connection: close"]
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(self.upstream)
                server.sendall("\r\n".join([first, *lines]).encode("latin1") + b"\r\n\r\n" + rest)
                back = threading.Thread(target=self.pump, args=(server, client), daemon=True)
                back.start()
                self.pump(client, server)
                back.join()

    @staticmethod
    def pump(source, target):
        try:
            while True:
                more = source.recv(65536)
                if not more:
                    break
                target.sendall(more)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
