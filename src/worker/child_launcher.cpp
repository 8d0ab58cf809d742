// Workers as child processes of this program.
#include "openpgp/encryption.hpp"
#include "worker/child_process.hpp"
#include "worker/remote_worker.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <sys/prctl.h>
#include <sys/socket.h>

namespace miraclemax::worker {

namespace {

std::array<stream::Descriptor, 2> connected_pair() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw Error(ExitCode::failed, std::string("can't make a control socket: ") + std::strerror(errno));
    return {stream::Descriptor(ends[0]), stream::Descriptor(ends[1])};
}

class ChildWorker : public RemoteWorker {
public:
    ChildWorker(const std::string& program, Job job, std::unique_ptr<openpgp::Home> home, Limits limits)
        : RemoteWorker({.job = std::move(job), .home = home->path()}, limits), home_(std::move(home)) {
        auto ends = connected_pair();
        ours_ = std::move(ends[0]);
        process_ = std::make_unique<ChildProcess>(
            std::vector<std::string>{program, "worker", "--descriptor", "3"}, std::move(ends[1]));
    }
    [[nodiscard]] std::string kind() const override { return "child"; }

protected:
    stream::Descriptor connect(const std::stop_token&, Clock::time_point) override {
        return std::move(ours_);
    }
    void attend() override { process_->drain(); }
    std::string autopsy() override { return process_->autopsy(); }

private:
    // Made here and not by the worker, so that nothing is left of it when the worker is killed.
    std::unique_ptr<openpgp::Home> home_;
    stream::Descriptor ours_;
    std::unique_ptr<ChildProcess> process_; // ends before home_ does
};

class ChildLauncher : public Launcher {
public:
    // A controller that gave up its capabilities is no stronger than its worker, which could write into its
    // memory (/proc/PID/mem) and act as it does. What is not dumpable can't be opened so (ptrace(2)).
    ChildLauncher(std::string program, Limits limits) : program_(std::move(program)), limits_(limits) {
        if (::prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0)
            throw Error(ExitCode::failed,
                        std::string("can't shield this process from its workers: ") + std::strerror(errno));
    }

    std::unique_ptr<Worker> launch(Job job, const Placement& placement) override {
        if (placement.local_path.empty())
            throw Error(ExitCode::failed,
                        "component " + job.component + ": this process doesn't see its data" +
                            (placement.path.empty() ? "" : ", " + placement.path),
                        "use the helper container, or mount the volume store into the sidecar");
        job.root = placement.local_path;
        job.folder = placement.folder;
        return std::make_unique<ChildWorker>(program_, std::move(job), std::make_unique<openpgp::Home>(),
                                             limits_);
    }

private:
    std::string program_;
    Limits limits_;
};

} // namespace

std::unique_ptr<Launcher> child_launcher(std::string program, Limits limits) {
    return std::make_unique<ChildLauncher>(std::move(program), limits);
}

} // namespace miraclemax::worker
