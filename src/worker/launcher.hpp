// Starts workers: one interface, two ways.
#pragma once

#include "podman/engine.hpp"
#include "worker/job.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>

namespace miraclemax::worker {

// Where the data and the output are, in the words of the host. The launcher turns them into what the worker
// sees and fills Job::root and Job::folder.
struct Placement {
    std::string run; // labels of the helper container
    std::string instance;
    std::string volume;            // named volume, or empty
    std::string volume_created_at; // podman silently creates a missing volume: compared after the start
    std::string path;              // host path of the data (volume's mountpoint, or bind source)
    std::string local_path;        // the same data as this process sees it; empty: it doesn't
    std::string folder;            // output folder as this process sees it
    std::string
        control; // a folder for the control socket, as this process sees it (short: sun_path is 107 bytes)
};

using Deadline = std::optional<std::chrono::steady_clock::time_point>;
using Progress = std::function<void(const archive::Tally&)>;

// One running worker. Used by one thread. All waits throw Error: `interrupted` when stop is requested,
// `failed` when the worker died (with its last words), hung (no heartbeat, or no progress), wrote nonsense,
// or the deadline passed. The destructor ends the worker and leaves nothing behind (process reaped, container
// removed, socket unlinked); it never throws.
class Worker {
public:
    virtual ~Worker() = default;
    virtual void wait_ready(const std::stop_token& stop) = 0; // job accepted, keys imported, root opened
    virtual void go() = 0;                                    // the writers are frozen: read now
    virtual void wait_read(const Progress& progress, const Deadline& deadline,
                           const std::stop_token& stop) = 0;
    virtual Outcome finish(const Progress& progress, const std::stop_token& stop) = 0; // files are durable
};

class Launcher {
public:
    virtual ~Launcher() = default;
    virtual std::unique_ptr<Worker> launch(Job job, const Placement& placement) = 0;
};

struct Limits {
    std::chrono::milliseconds ready{60'000}; // start to ready
    // Without a word: the worker sends a heartbeat every second from a thread of its own.
    std::chrono::milliseconds silence{60'000};
    // With heartbeats, but without anything read or written: dead NFS, a gpg that is stuck.
    std::chrono::milliseconds standstill{300'000};
};

// A child process of this program (path of the binary, normally /proc/self/exe). Needs Placement::local_path.
std::unique_ptr<Launcher> child_launcher(std::string program, Limits limits);

// A helper container from the sidecar's own image. `mounts` are the sidecar's own (from inspect): they turn
// paths of this process into host paths. Both borrowed.
std::unique_ptr<Launcher> container_launcher(podman::Engine& engine, const podman::Container& self,
                                             bool trusted_xattrs, Limits limits);
// The host path of a path this process sees, by the longest of the container's mounts; nullopt: not on a
// mount.
std::optional<std::string> host_path(const podman::Container& self, const std::string& path);

// Removes helper containers of this instance whose run is dead. Returns their names.
std::vector<std::string> sweep_workers(podman::Engine& engine, const std::string& instance,
                                       const std::function<bool(const std::string& run)>& alive);

// The worker's own main: `miraclemax worker --descriptor 3` or `--connect PATH`. Locks itself down, gets the
// job, works, answers. Returns the exit code. Called by cli.
struct Control {
    int descriptor = -1;
    std::string connect;
};
int worker_main(const Control& control);

} // namespace miraclemax::worker
