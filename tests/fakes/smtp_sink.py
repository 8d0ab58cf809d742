#!/usr/bin/python3
"""A mail server that keeps what it gets: smtp_sink.py FOLDER MODE [HABIT [PORT]]

MODE: plain, starttls (login needed), smtps (login needed); FOLDER has cert.pem and key.pem for the latter two.
HABIT: hang (never answers), close (hangs up after the greeting), later (451 after the mail), none.
Prints its port. Login: bk / right-secret. gone@example.org is refused. One file NNNN.eml a mail, whose first line
is the envelope. It speaks RFC 5321, 3207, 4954 as far as libcurl asks, one connection at a time."""
import base64
import pathlib
import socket
import ssl
import sys
import time

FOLDER, MODE = pathlib.Path(sys.argv[1]), sys.argv[2]
HABIT = sys.argv[3] if len(sys.argv) > 3 else ""
PORT = int(sys.argv[4]) if len(sys.argv) > 4 else 0


class Conversation:
    def __init__(self, connection, context):
        self.context, self.user, self.tls = context, None, MODE == "smtps"
        self.take(context.wrap_socket(connection, server_side=True) if self.tls else connection)
        self.sender, self.receivers = None, []

    def take(self, connection):
        self.connection, self.lines = connection, connection.makefile("rb")

    def say(self, line):
        self.connection.sendall(line.encode() + b"\r\n")

    def hello(self):
        words = ["sink.test", "SIZE 1000000"]
        if MODE == "starttls" and not self.tls:
            words.append("STARTTLS")
        if self.tls:
            words.append("AUTH PLAIN")
        for word in words[:-1]:
            self.say("250-" + word)
        self.say("250 " + words[-1])

    def login(self, words):
        if words[0].upper() != "PLAIN":
            return self.say("504 5.5.4 only PLAIN")
        if len(words) < 2:
            self.say("334 ")
            words.append(self.lines.readline().decode().strip())
        _, user, password = base64.b64decode(words[1]).split(b"\0")
        if (user, password) != (b"bk", b"right-secret"):
            return self.say("535 5.7.8 no, not " + password.decode())  # a server that tells what it got
        self.user = user.decode()
        return self.say("235 2.7.0 welcome")

    def receiver(self, address):
        if address == "gone@example.org":
            return self.say("550 5.1.1 no such user here")
        self.receivers.append(address)
        return self.say("250 ok")

    def data(self):
        if not self.receivers:
            return self.say("554 5.5.1 no valid recipients")
        self.say("354 go on")
        content = b""
        while (line := self.lines.readline()) != b".\r\n":
            if not line:
                return None
            content += line[1:] if line.startswith(b".") else line
        if HABIT == "later":
            return self.say("451 4.3.0 try again later")
        number = len(list(FOLDER.glob("*.eml"))) + 1
        envelope = f"tls={self.tls} user={self.user} from={self.sender} to={','.join(self.receivers)}\r\n"
        (FOLDER / "new").write_bytes(envelope.encode() + content)
        (FOLDER / "new").rename(FOLDER / f"{number:04}.eml")
        return self.say("250 2.0.0 kept")

    def answer(self, line):
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        if verb in ("EHLO", "HELO"):
            self.hello()
        elif verb == "STARTTLS" and MODE == "starttls":
            self.say("220 go")
            self.take(self.context.wrap_socket(self.connection, server_side=True))
            self.tls = True
        elif verb == "AUTH" and self.tls:
            self.login(rest.split())
        elif verb == "MAIL" and MODE != "plain" and self.user is None:
            self.say("530 5.7.0 log in first")
        elif verb in ("MAIL", "RCPT"):
            address = rest[rest.index("<") + 1:rest.index(">")]
            if verb == "RCPT":
                self.receiver(address)
            else:
                self.sender = address
                self.say("250 ok")
        elif verb == "DATA":
            self.data()
        elif verb == "QUIT":
            self.say("221 bye")
            return False
        else:
            self.say("502 5.5.2 unknown")
        return True

    def run(self):
        if HABIT == "hang":
            time.sleep(60)
        self.say("220 sink.test ESMTP")
        if HABIT == "close":
            return
        while line := self.lines.readline():
            if not self.answer(line.decode().strip()):
                return


def main():
    context = None
    if MODE != "plain":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(FOLDER / "cert.pem", FOLDER / "key.pem")
    with socket.create_server(("127.0.0.1", PORT)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            with connection:
                try:
                    conversation = Conversation(connection, context)
                    conversation.run()
                    conversation.connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # ssl.SSLError is one: the client did not trust us
                    pass


if __name__ == "__main__":
    main()
