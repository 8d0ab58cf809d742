// The workers of a restore: children of this program, or helper containers of the sidecar's image.
#include "openpgp/encryption.hpp"
#include "worker/remote_restoring.hpp"
#include "worker/worker_containers.hpp"

#include <filesystem>

#include <unistd.h>

namespace miraclemax::worker {

namespace {

namespace fs = std::filesystem;
using podman::ContainerSpec;

// gpg itself comes from there, and its home may lie there.
bool is_needed(const fs::path& folder) {
    const fs::path top = folder.relative_path().empty() ? fs::path() : *folder.relative_path().begin();
    for (const char* needed : {"", "usr", "bin", "lib", "lib64", "etc", "dev", "proc"}) {
        if (top == needed)
            return true;
    }
    return false;
}

// Sockets of podman and others, root's usual volumes, and the data of the component: nothing of it is a
// decryptor's business.
std::vector<fs::path> out_of_sight(const Placement& placement) {
    if (::geteuid() != 0)
        return {};
    std::vector<fs::path> folders{"/run", "/var/run", "/var/lib/containers"};
    if (!is_needed(placement.local_path))
        folders.emplace_back(placement.local_path);
    return folders;
}

class ChildRestoreLauncher : public RestoreLauncher {
public:
    ChildRestoreLauncher(std::string program, Limits limits) : program_(std::move(program)), limits_(limits) {
        shield_from_children();
    }
    std::unique_ptr<Decryptor> decrypt(DecryptJob job, const Placement& placement, Streams from,
                                       Streams to) override {
        auto home = std::make_unique<openpgp::Home>();
        DecryptOrder order{.job = std::move(job), .home = home->path(), .hidden = out_of_sight(placement)};
        return std::make_unique<RemoteDecryptor>(std::move(order), child_process(program_, std::move(home)),
                                                 limits_, std::move(from), std::move(to));
    }
    std::unique_ptr<Unpacker> unpack(UnpackJob job, const Placement& placement, Streams from) override {
        if (job.store)
            job.site.root = seen(placement, job.promise.prefix);
        return std::make_unique<RemoteUnpacker>(UnpackOrder{std::move(job)}, child_process(program_, nullptr),
                                                limits_, std::move(from));
    }
    std::unique_ptr<Settler> settle(SettleJob job, const Placement& placement) override {
        job.site.root = seen(placement, job.component);
        return std::make_unique<RemoteSettler>(SettleOrder{std::move(job)}, child_process(program_, nullptr),
                                               limits_);
    }

private:
    static fs::path seen(const Placement& placement, const std::string& component) {
        if (placement.local_path.empty())
            throw Error(ExitCode::failed,
                        "component " + component + ": this process doesn't see its data" +
                            (placement.path.empty() ? "" : ", " + placement.path),
                        "use the helper container, or mount the volume store into the sidecar");
        return placement.local_path;
    }

    std::string program_;
    Limits limits_;
};

class ContainerRestoreLauncher : public RestoreLauncher {
public:
    ContainerRestoreLauncher(podman::Engine& engine, podman::Container self, bool trusted_xattrs,
                             Limits limits)
        : containers_(engine, std::move(self), "restore"), trusted_xattrs_(trusted_xattrs), limits_(limits) {}

    std::unique_ptr<Decryptor> decrypt(DecryptJob job, const Placement& placement, Streams from,
                                       Streams to) override {
        auto process = start(job.component, placement, {}, nullptr);
        return std::make_unique<RemoteDecryptor>(DecryptOrder{.job = std::move(job)}, std::move(process),
                                                 limits_, std::move(from), std::move(to));
    }
    std::unique_ptr<Unpacker> unpack(UnpackJob job, const Placement& placement, Streams from) override {
        job.options.trusted_xattrs = job.options.trusted_xattrs && trusted_xattrs_;
        std::vector<std::string> capabilities;
        if (job.store)
            capabilities = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETFCAP", "MKNOD"};
        if (job.store && job.options.trusted_xattrs)
            capabilities.emplace_back("SYS_ADMIN");
        auto process =
            start(job.promise.prefix, placement, std::move(capabilities), job.store ? &job.site : nullptr);
        return std::make_unique<RemoteUnpacker>(UnpackOrder{std::move(job)}, std::move(process), limits_,
                                                std::move(from));
    }
    std::unique_ptr<Settler> settle(SettleJob job, const Placement& placement) override {
        auto process = start(job.component, placement,
                             {"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETFCAP"}, &job.site);
        return std::make_unique<RemoteSettler>(SettleOrder{std::move(job)}, std::move(process), limits_);
    }

private:
    // Without a site no data is mounted at all.
    std::unique_ptr<WorkerProcess> start(const std::string& component, Placement placement,
                                         std::vector<std::string> capabilities, archive::Site* site) {
        ContainerSpec spec = containers_.outline(component, placement);
        spec.capabilities = std::move(capabilities);
        if (site != nullptr)
            add_data(spec, *site, placement, component);
        else
            placement.volume.clear();
        return containers_.start(std::move(spec), placement);
    }

    static void add_data(ContainerSpec& spec, archive::Site& site, const Placement& placement,
                         const std::string& component) {
        site.root.clear();
        site.root = data_at;
        if (!placement.volume.empty()) {
            spec.volumes.push_back({.name = placement.volume, .destination = data_at, .read_only = false});
        } else if (placement.path.empty()) {
            throw Error(ExitCode::failed, "component " + component + " has neither a volume nor a host path");
        } else if (site.single) {
            const fs::path file = placement.path;
            site.root /= file.filename();
            spec.binds.push_back({.source = file.parent_path(), .destination = data_at});
        } else {
            spec.binds.push_back({.source = placement.path, .destination = data_at});
        }
    }

    WorkerContainers containers_;
    bool trusted_xattrs_;
    Limits limits_;
};

} // namespace

std::unique_ptr<RestoreLauncher> child_restore_launcher(std::string program, Limits limits) {
    return std::make_unique<ChildRestoreLauncher>(std::move(program), limits);
}

std::unique_ptr<RestoreLauncher> container_restore_launcher(podman::Engine& engine,
                                                            const podman::Container& self,
                                                            bool trusted_xattrs, Limits limits) {
    return std::make_unique<ContainerRestoreLauncher>(engine, self, trusted_xattrs, limits);
}

} // namespace miraclemax::worker
