// What a worker gives up, for ever, before it opens data that an application wrote. Three steps, in this
// order. All of them also hold for gpg, which the worker starts.
#pragma once

namespace miraclemax::worker {

// Closes every descriptor but 0 to 2 and this one (made close-on-exec), sets no_new_privs (prctl(2)), forbids
// core dumps and tracing by others, and the umask to 077. Throws Error (failed).
void isolate(int keep);

// Keeps CAP_DAC_READ_SEARCH (where it was never granted, as in a default container: CAP_DAC_OVERRIDE), and
// CAP_SYS_ADMIN for trusted xattrs; drops all others, the bounding set's too (capabilities(7)). A process
// without privileges stays as it is. It holds for the calling thread: call it before others are started.
void drop_capabilities(bool trusted_xattrs);

// Denies every thread of the process by seccomp(2): new sockets and connections (podman's socket is root on
// the host), io_uring, which could make them too, tracing, mounts, namespaces, handles to files elsewhere,
// and the kernel's administration. The answer is EPERM. Throws Error (failed) where the kernel has no
// seccomp.
void deny_system_calls();

} // namespace miraclemax::worker
