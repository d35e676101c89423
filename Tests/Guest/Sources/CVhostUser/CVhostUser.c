#define _GNU_SOURCE
#include "CVhostUser.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int vhost_user_listen(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address.sun_path, path);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return -1;
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
      listen(listener, 1) < 0) {
    int reason = errno;
    close(listener);
    errno = reason;
    return -1;
  }
  return listener;
}

ssize_t vhost_user_receive(int socket, void *bytes, size_t count,
                           int *descriptors, size_t *descriptor_count) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(VHOST_USER_MOST_DESCRIPTORS * sizeof(int))];
  } control;
  struct iovec vector = {.iov_base = bytes, .iov_len = count};
  struct msghdr message = {
      .msg_iov = &vector,
      .msg_iovlen = 1,
      .msg_control = &control,
      .msg_controllen = sizeof control,
  };
  *descriptor_count = 0;
  ssize_t received;
  do {
    received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return received;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
      continue;
    size_t length = part->cmsg_len - CMSG_LEN(0);
    memcpy(descriptors, CMSG_DATA(part), length);
    *descriptor_count = length / sizeof(int);
  }
  return received;
}

int vhost_user_make_event(void) {
  return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}
