"""Slow, broken and impatient HTTP clients of a port on the loopback: crowd.py PORT COUNT.

Says when all are there; goes at the first line on its standard input, and says how many it was.
"""
import random, select, socket, sys, time
port, count = int(sys.argv[1]), int(sys.argv[2])
habits = [b"", b"GET / HT", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20, b"\x16\x03\x01\x02" * 50,
          b"GET / HTTP/1.1\r\nX: " + b"y" * 9000, b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n" + b"z" * 5000]
crowd, met = [], 0
def come():
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    one.setblocking(False)
    one.connect_ex(("127.0.0.1", port))
    return [one, habits[random.randrange(len(habits))], 0.0]
while True:
    while len(crowd) < count:
        crowd.append(come()); met += 1
        if met == count:
            print("all there", flush=True)
    left = []
    for one in crowd:
        try:
            if one[1] and time.monotonic() > one[2]:
                sent = one[0].send(one[1][:400])
                one[1], one[2] = one[1][sent:], time.monotonic() + 0.5
            if random.random() < 0.02:
                raise OSError("tired")
            if not one[1] and random.random() < 0.1 and one[0].recv(64) == b"":
                raise OSError("over")
            left.append(one)
        except BlockingIOError:
            left.append(one)
        except OSError:
            one[0].close()
    crowd = left
    if select.select([sys.stdin], [], [], 0.1)[0]:
        print(met, flush=True)
        break
