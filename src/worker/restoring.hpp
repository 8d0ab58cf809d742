// The workers of a restore and of a verification: one holds the key and sees no volume, one unpacks and has
// no key, one only moves names within a volume. Bytes go from one to the other by a pipe that the controller
// makes and hands to both (unix(7), SCM_RIGHTS): it never reads them.
#pragma once

#include "archive/staging.hpp"
#include "archive/unpack.hpp"
#include "worker/launcher.hpp"

#include <memory>
#include <string>
#include <vector>

namespace miraclemax::worker {

// Open descriptors that are handed over: the worker has them then, the controller not any more.
struct Streams {
    stream::Descriptor archive;
    stream::Descriptor inventory;
};

struct DecryptJob {
    std::string component; // for messages
    std::string keys;      // private keys, as exported
    std::string key_passphrase;
    std::string passphrase; // symmetric instead
};

struct UnpackJob {
    archive::Promise promise;
    Compression compression = Compression::gzip; // of both streams
    bool store = false;                          // false: only compare; then it needs no placement
    bool emptied = false; // with store: the root was emptied for it, and how much room there is shows itself
    archive::UnpackOptions options;
    std::uint64_t content =
        0;              // bytes of content promised: with store, refused (destination) without room for it
    archive::Site site; // root is filled in by the launcher
};

// "1.5 MiB": how much room there is, or is needed.
[[nodiscard]] std::string in_mebibytes(std::uint64_t bytes);

// room: only looks; throws Error (destination) where the root could not be emptied. empty, sweep:
// archive::empty_root, sweep_staging.
enum class Settling { settle, exchange, discard, make_folder, room, empty, sweep, abandon };
struct SettleJob {
    std::string component;
    Settling what = Settling::settle;
    archive::Site site; // root is filled in by the launcher
    std::string folder; // make_folder: a path relative to the site's root, made with its parents, 0755
};

// All waits throw as Worker's do (launcher.hpp); the destructors end the worker and leave no process,
// container or socket behind. Each is used by one thread.
class Decryptor {
public:
    virtual ~Decryptor() = default;
    // Both messages were whole, their plain bytes are in the pipes. Error (key, damaged) else.
    virtual void finish(const std::stop_token& stop) = 0;
};

class Unpacker {
public:
    virtual ~Unpacker() = default;
    using Told = std::function<void(const archive::Unpacked&)>;
    // Both streams were read to their ends and hold what was promised; with store, the staging folder is
    // sealed.
    virtual archive::Unpacked finish(const Told& progress, const std::stop_token& stop) = 0;
    // After finish(), with store: archive::swap. Returns what stayed where it is.
    virtual std::vector<std::string> swap(const std::stop_token& stop) = 0;
    [[nodiscard]] virtual bool keeps_old() const = 0; // after swap(): archive::keeps_old()
};

class Settler {
public:
    virtual ~Settler() = default;
    virtual archive::Holds finish(const std::stop_token& stop) = 0;
    [[nodiscard]] virtual archive::Space space() const = 0; // after finish(), of Settling::room
    [[nodiscard]] virtual const std::vector<std::string>& strays() const = 0; // likewise: archive::strays()
};

// A child is started with its root at Placement::local_path, a helper container with the volume (or the
// folder of a path; the folder above it for a single file) mounted read-write, nocopy. An unpacker that ends
// without swap(), for whatever reason but SIGKILL, drops its staging folder itself.
//   capabilities: decryptor none; unpacker that stores: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETFCAP, MKNOD
//   (SYS_ADMIN for trusted xattrs); one that only compares: none; settler: DAC_OVERRIDE, FOWNER, CHOWN,
//   FSETID, SETFCAP sockets: denied by seccomp to all but the decryptor (gpg asks its agent by one) a child
//   decryptor sees neither /run (but its own home), nor podman's volumes, nor a network, where it may make
//   namespaces (root); elsewhere it goes on without
class RestoreLauncher {
public:
    virtual ~RestoreLauncher() = default;
    virtual std::unique_ptr<Decryptor> decrypt(DecryptJob job, const Placement& placement, Streams from,
                                               Streams to) = 0;
    virtual std::unique_ptr<Unpacker> unpack(UnpackJob job, const Placement& placement, Streams from) = 0;
    virtual std::unique_ptr<Settler> settle(SettleJob job, const Placement& placement) = 0;
};

// Children of this program; containers of the sidecar's image. As child_launcher and container_launcher.
std::unique_ptr<RestoreLauncher> child_restore_launcher(std::string program, Limits limits);
std::unique_ptr<RestoreLauncher> container_restore_launcher(podman::Engine& engine,
                                                            const podman::Container& self,
                                                            bool trusted_xattrs, Limits limits);

} // namespace miraclemax::worker
