"""Makes hosts on one Linux bridge with Mininet, and prints the milliseconds of each to be made and to be stopped."""
import json
import sys
import time

from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge

setLogLevel('error')
count = int(sys.argv[1])
begin = time.monotonic()
net = Mininet(switch=LinuxBridge, controller=None, ipBase='10.0.0.0/16')
switch = net.addSwitch('s1')
for index in range(count):
    net.addLink(net.addHost('h%d' % index), switch)
net.start()
made = time.monotonic()
net.stop()
stopped = time.monotonic()
print(json.dumps({'made': (made - begin) * 1000 / count, 'stopped': (stopped - made) * 1000 / count}))
