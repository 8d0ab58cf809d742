// Workers as child processes of this program.
#include "openpgp/encryption.hpp"
#include "worker/remote_worker.hpp"

namespace miraclemax::worker {

namespace {

class ChildLauncher : public Launcher {
public:
    ChildLauncher(std::string program, Limits limits) : program_(std::move(program)), limits_(limits) {
        shield_from_children();
    }

    std::unique_ptr<Worker> launch(Job job, const Placement& placement) override {
        if (placement.local_path.empty())
            throw Error(ExitCode::failed,
                        "component " + job.component + ": this process doesn't see its data" +
                            (placement.path.empty() ? "" : ", " + placement.path),
                        "use the helper container, or mount the volume store into the sidecar");
        job.root = placement.local_path;
        job.folder = placement.folder;
        auto home = std::make_unique<openpgp::Home>();
        Order order{.job = std::move(job), .home = home->path()};
        return std::make_unique<RemoteWorker>(std::move(order), child_process(program_, std::move(home)),
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
