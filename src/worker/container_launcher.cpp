// Workers as helper containers from the sidecar's own image.
#include "worker/remote_worker.hpp"
#include "worker/worker_containers.hpp"

#include <filesystem>

namespace miraclemax::worker {

namespace {

namespace fs = std::filesystem;
using podman::ContainerSpec;

constexpr const char* output_at = "/out";

class ContainerLauncher : public Launcher {
public:
    ContainerLauncher(podman::Engine& engine, podman::Container self, bool trusted_xattrs, Limits limits)
        : containers_(engine, std::move(self), "backup"), trusted_xattrs_(trusted_xattrs), limits_(limits) {}

    std::unique_ptr<Worker> launch(Job job, const Placement& placement) override {
        job.folder = output_at;
        job.trusted_xattrs = job.trusted_xattrs && trusted_xattrs_;
        ContainerSpec spec = containers_.outline(job.component, placement);
        spec.capabilities.emplace_back("DAC_READ_SEARCH");
        if (trusted_xattrs_)
            spec.capabilities.emplace_back("SYS_ADMIN");
        add_data(spec, job, placement);
        spec.binds.push_back({.source = containers_.host_path_of(placement.folder, "the backup folder"),
                              .destination = output_at});
        auto process = containers_.start(std::move(spec), placement);
        return std::make_unique<RemoteWorker>(Order{.job = std::move(job)}, std::move(process), limits_);
    }

private:
    static void add_data(ContainerSpec& spec, Job& job, const Placement& placement) {
        job.root.clear();
        job.root = data_at;
        if (!placement.volume.empty()) {
            spec.volumes.push_back({.name = placement.volume, .destination = data_at, .read_only = true});
        } else if (!placement.path.empty()) {
            // Under its own name: a file's archive entry is called as the file is.
            job.root /= fs::path(placement.path).filename();
            spec.binds.push_back({.source = placement.path, .destination = job.root, .read_only = true});
        } else {
            throw Error(ExitCode::failed,
                        "component " + job.component + " has neither a volume nor a host path");
        }
    }

    WorkerContainers containers_;
    bool trusted_xattrs_;
    Limits limits_;
};

} // namespace

std::unique_ptr<Launcher> container_launcher(podman::Engine& engine, const podman::Container& self,
                                             bool trusted_xattrs, Limits limits) {
    return std::make_unique<ContainerLauncher>(engine, self, trusted_xattrs, limits);
}

std::optional<std::string> host_path(const podman::Container& self, const std::string& path) {
    const fs::path wanted = fs::path(path).lexically_normal();
    const podman::Mount* best = nullptr;
    fs::path rest;
    for (const podman::Mount& mount : self.mounts) {
        const fs::path relative = wanted.lexically_relative(fs::path(mount.destination).lexically_normal());
        if (relative.empty() || *relative.begin() == "..")
            continue;
        if (best == nullptr || mount.destination.size() > best->destination.size()) {
            best = &mount;
            rest = relative;
        }
    }
    if (best == nullptr || best->source.empty())
        return std::nullopt;
    std::string found = rest == "." ? best->source : (fs::path(best->source) / rest).string();
    while (found.size() > 1 && found.back() == '/')
        found.pop_back();
    return found;
}

std::vector<std::string> sweep_workers(podman::Engine& engine, const std::string& instance,
                                       const std::function<bool(const std::string& run)>& alive) {
    std::vector<std::string> removed;
    std::optional<Error> failure;
    for (const podman::Container& container : engine.containers_labelled("miraclemax.instance=" + instance)) {
        const auto run = container.labels.find("miraclemax.run");
        if (container.labels.count("miraclemax.worker") == 0 || run == container.labels.end() ||
            alive(run->second))
            continue;
        try {
            engine.remove(container.id);
            removed.push_back(container.name);
        } catch (const Error& error) {
            failure = error; // the others are swept all the same
        }
    }
    if (failure)
        throw *failure;
    return removed;
}

} // namespace miraclemax::worker
