#include "CRawSocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// ETH_P_ALL of linux/if_ether.h, which does not go with net/ethernet.h.
enum { ALL_PROTOCOLS = 3 };

int raw_socket_open(const char *device, uint8_t hardware[6]) {
  int raw = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ALL_PROTOCOLS));
  if (raw < 0) return -1;
  struct ifreq request = {0};
  strncpy(request.ifr_name, device, sizeof request.ifr_name - 1);
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET,
      .sll_protocol = htons(ALL_PROTOCOLS),
      .sll_ifindex = if_nametoindex(device),
  };
  if (address.sll_ifindex == 0 || ioctl(raw, SIOCGIFHWADDR, &request) < 0 ||
      bind(raw, (struct sockaddr *)&address, sizeof address) < 0) {
    int reason = errno;
    close(raw);
    errno = reason;
    return -1;
  }
  memcpy(hardware, request.ifr_hwaddr.sa_data, 6);
  return raw;
}

int tap_open(const char *device) {
  int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  if (tap < 0) return -1;
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  strncpy(request.ifr_name, device, sizeof request.ifr_name - 1);
  if (ioctl(tap, TUNSETIFF, &request) < 0) {
    int reason = errno;
    close(tap);
    errno = reason;
    return -1;
  }
  return tap;
}

int icmp_open(const char *address) {
  struct sockaddr_in host = {.sin_family = AF_INET};
  if (inet_pton(AF_INET, address, &host.sin_addr) != 1) {
    errno = EINVAL;
    return -1;
  }
  int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
  if (raw < 0) return -1;
  if (connect(raw, (struct sockaddr *)&host, sizeof host) < 0) {
    int reason = errno;
    close(raw);
    errno = reason;
    return -1;
  }
  return raw;
}
