# What this module calls of others.
from detector.kernel.fragments cimport entered, filled, later
from detector.kernel.interfaces cimport described, dropped, drops_before, statistics
from detector.kernel.linklayers cimport opened, unwrapped
from detector.kernel.tunnels cimport in_datagram, in_packet
