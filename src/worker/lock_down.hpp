// What a worker gives up, for ever, before it opens data that an application wrote. These steps, in the
// order isolate, hide, drop, deny. All of them also hold for gpg, which the worker starts.
#pragma once

#include <filesystem>
#include <vector>

namespace miraclemax::worker {

// Closes every descriptor but 0 to 2 and this one (made close-on-exec), sets no_new_privs (prctl(2)), forbids
// core dumps and tracing by others, and the umask to 077. Throws Error (failed).
void isolate(int keep);

// What a worker is there for, and so what it may keep of capabilities(7):
//   reading     CAP_DAC_READ_SEARCH (where it was never granted, as in a default container: CAP_DAC_OVERRIDE)
//   unpacking   CAP_CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETFCAP, MKNOD
//   settling    the same without MKNOD
//   nothing     none
enum class Purpose { reading, unpacking, settling, nothing };
// And CAP_SYS_ADMIN for trusted xattrs. Drops all others, the bounding set's too. A process without
// privileges stays as it is. It holds for the calling thread: call it before others are started.
void drop_capabilities(Purpose purpose, bool trusted_xattrs);

// Takes podman's socket, the volumes and the network out of sight of a process that may do so (root): an
// empty folder lies over each of these that there is, but `kept` (which may lie in one) stays where it is; no
// network and no System V IPC are there. Where it is not permitted, nothing happens. Call it before other
// threads are started, and before drop_capabilities().
void hide(const std::vector<std::filesystem::path>& folders, const std::filesystem::path& kept);

// Which sockets are left: none, or those of the file system, by which gpg asks its agent.
enum class Sockets { none, local };
// Denies every thread of the process by seccomp(2): new sockets and connections (podman's socket is root on
// the host), io_uring, which could make them too, tracing, mounts, namespaces, handles to files elsewhere,
// and the kernel's administration. The answer is EPERM. Throws Error (failed) where the kernel has no
// seccomp.
void deny_system_calls(Sockets left);

} // namespace miraclemax::worker
