# A program for the judge: see program.c.
import os
import signal
import socket

word, first, second, *_ = input().split() + ['', '']

if word == 'add':
    print(int(first) + int(second))
elif word == 'wrong':
    print(41)
elif word == 'slow':
    while True:
        pass
elif word == 'greedy':
    everything = []
    while True:
        everything.append(b'x' * (1 << 20))
elif word == 'crash':
    raise RuntimeError('crashed')
elif word == 'fork':
    while True:
        try:
            os.fork()
        except OSError:
            pass
elif word == 'flood':
    while True:
        print('again')
elif word == 'read':
    print(open(first).read())
elif word == 'call':
    socket.create_connection((first, int(second)))
    print('connected')
elif word == 'daemon':
    if os.fork() == 0:
        os.setsid()
        while True:
            pass
    print('left')
elif word == 'ignore':
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass
