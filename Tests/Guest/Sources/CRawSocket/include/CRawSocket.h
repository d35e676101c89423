#pragma once

// Sockets that Swift's Glibc has no words for: packet(7), raw(7).

#include <stdint.h>

/// A socket that sends and receives frames of interface `device`, and the
/// interface's hardware address; -1: errno says why not.
int raw_socket_open(const char *_Nonnull device, uint8_t hardware[_Nonnull 6]);

/// The other end of TAP interface `device`, where its cable would be; -1: errno
/// says why not.
int tap_open(const char *_Nonnull device);

/// A socket for ICMP messages to and from the host `address`; what it receives
/// begins with the IP header. -1: errno says why not.
int icmp_open(const char *_Nonnull address);
