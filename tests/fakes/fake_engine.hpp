// An engine in memory, with podman's rules for states: for tests of everything above the podman room.
#pragma once

#include "error.hpp"
#include "podman/engine.hpp"

#include <functional>
#include <mutex>
#include <set>

namespace miraclemax::fakes {

// Thread-safe like a real engine. Containers are found by name, full id or a unique beginning of the id.
// The rules (measured on podman 4.3.1):
//   pause     only from running            unpause   only from paused
//   stop      running, stopping -> exited (with auto_remove: gone); paused: refused; created stays created
//   start     starts stopped dependencies first; running: nothing; paused, stopping, removing: refused
//   health    the check itself is the test's hook: it changes the container as podman would
//   exec      only in a running container   remove   refused while others depend on it
//   create    makes a missing named volume silently, as podman does
//   create_volume   refused when there is one of that name   delete_volume   refused while a container has it
class FakeEngine : public podman::Engine {
public:
    enum class Moment { before, after };
    // Called outside the lock, so it may look at and change the engine; what it throws is thrown by the call.
    using Hook = std::function<void(Moment, const std::string& call, const std::string& name)>;
    using Exec = std::function<podman::ExecResult(const podman::Container&, const std::vector<std::string>&,
                                                  std::chrono::seconds)>;
    // When a failure happens: before anything was done, or after it was done (an answer that got lost).
    enum class Effect { none, done };

    // Setting the scene.
    void set_info(podman::Info info);
    void add_volume(podman::Volume volume); // an empty driver is "local", an empty mountpoint is made up
    void remove_volume(const std::string& name);
    void add_image(const std::string& image); // while none was added, every image exists
    // The new id (made from the name when empty; an image and a start time are made up too). A state that was
    // left unknown is running.
    std::string add_container(podman::Container container);
    void change(const std::string& name, const std::function<void(podman::Container&)>& change);
    void vanish(const std::string& name);
    // As systemd or compose do: the same name with a new id and a new start time, running. Returns the new
    // id.
    std::string recreate(const std::string& name);
    void set_logs(const std::string& name, std::string text);
    void on_call(Hook hook);
    void on_exec(Exec handler); // default: exit code 0, no output

    // The next `times` calls of this kind on this object ("" = any) throw. Kinds are the names of Engine's
    // functions: "pause", "containers", ...
    void fail_next(const std::string& call, const std::string& name, Error error, int times = 1,
                   Effect effect = Effect::none);
    // The next stop is cut in the middle, as by a death of podman's service: the container stays `stopping`.
    void interrupt_next_stop(const std::string& name);

    // Looking at it.
    [[nodiscard]] podman::Container look(const std::string& name) const; // throws Error (not_found)
    [[nodiscard]] podman::State state(const std::string& name) const { return look(name).state; }
    [[nodiscard]] bool exists(const std::string& name) const;
    // Acts in the order in which they came in, refused ones too: "pause db", "create mm-worker", "exec db
    // true". Reads are not listed.
    [[nodiscard]] std::vector<std::string> calls() const;
    void forget_calls();
    [[nodiscard]] podman::Limits last_limits() const;                 // that containers() was called with
    [[nodiscard]] std::vector<podman::ContainerSpec> created() const; // every spec given to create

    podman::Info info() override;
    std::vector<podman::Volume> volumes() override;
    std::optional<podman::Volume> volume(const std::string& name) override;
    podman::Volume create_volume(const podman::VolumeSpec& spec) override;
    void delete_volume(const std::string& name) override;
    std::vector<podman::Container> containers(const podman::Limits& limits = {}) override;
    std::vector<podman::Container> containers_labelled(const std::string& label) override;
    std::optional<podman::Container> container(const std::string& id) override;
    bool image_exists(const std::string& image) override;
    void pause(const std::string& id) override;
    void unpause(const std::string& id) override;
    void stop(const std::string& id, std::chrono::seconds timeout) override;
    void start(const std::string& id) override;
    void run_health_check(const std::string& id, std::chrono::milliseconds deadline) override;
    std::string create(const podman::ContainerSpec& spec) override;
    void remove(const std::string& id) override;
    std::string logs(const std::string& id) override;
    podman::ExecResult exec(const std::string& id, const std::vector<std::string>& argv,
                            std::chrono::seconds timeout) override;

private:
    struct Failure {
        std::string call;
        std::string name;
        Error error;
        int times;
        Effect effect;
    };

    void perform(const std::string& call, const std::string& id, const std::string& log,
                 const std::function<void()>& act);
    [[nodiscard]] std::optional<Failure> take_failure(const std::string& call, const std::string& name);
    [[nodiscard]] std::string name_for(const std::string& id) const; // the container's name, else id itself
    [[nodiscard]] podman::Container* find(const std::string& id);
    [[nodiscard]] const podman::Container* find(const std::string& id) const;
    podman::Container& need(const std::string& id);
    void start_now(podman::Container& container, int depth);
    void erase(const std::string& id);
    std::string new_id(const std::string& name);
    std::string new_time();

    mutable std::mutex mutex_;
    podman::Info info_{.version = "4.3.1",
                       .volume_path = "/var/lib/containers/storage/volumes",
                       .cgroup_version = "v2",
                       .runtime = "crun"};
    std::map<std::string, podman::Volume> volumes_;
    std::map<std::string, podman::Container> containers_; // by name
    std::map<std::string, std::string> logs_;             // by name
    std::set<std::string> images_;
    std::vector<Failure> failures_;
    std::set<std::string> interrupted_;
    std::vector<std::string> calls_;
    std::vector<podman::ContainerSpec> created_;
    podman::Limits last_limits_;
    Hook hook_;
    Exec exec_;
    unsigned long made_ = 0;
};

} // namespace miraclemax::fakes
