#pragma once

// What a device in a process of its own needs and Swift has no word for:
// descriptors that come with bytes of a socket, events, and accesses to memory
// that a guest uses at the same time.

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// The most descriptors that come with one message. vhost-user, "Ancillary
/// data": one for each region of memory, of which there are at most 8.
enum { VHOST_USER_MOST_DESCRIPTORS = 8 };

/// A Unix socket at `path` that listens; -1: errno says why not.
int vhost_user_listen(const char *_Nonnull path);

/// Receives up to `count` bytes, and the descriptors that came with them.
/// Returns what recvmsg(2) returns.
ssize_t vhost_user_receive(int socket, void *_Nonnull bytes, size_t count,
                           int *_Nonnull descriptors,
                           size_t *_Nonnull descriptor_count);

/// An event that does not block, eventfd(2); -1: errno says why not.
int vhost_user_make_event(void);

static inline uint16_t vhost_user_load16(const void *_Nonnull from) {
  return __atomic_load_n((const uint16_t *)from, __ATOMIC_RELAXED);
}

static inline uint32_t vhost_user_load32(const void *_Nonnull from) {
  return __atomic_load_n((const uint32_t *)from, __ATOMIC_RELAXED);
}

static inline uint64_t vhost_user_load64(const void *_Nonnull from) {
  return __atomic_load_n((const uint64_t *)from, __ATOMIC_RELAXED);
}

static inline void vhost_user_store16(void *_Nonnull to, uint16_t value) {
  __atomic_store_n((uint16_t *)to, value, __ATOMIC_RELAXED);
}

static inline void vhost_user_store32(void *_Nonnull to, uint32_t value) {
  __atomic_store_n((uint32_t *)to, value, __ATOMIC_RELAXED);
}

static inline void vhost_user_fence(void) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
