// The engine over the socket, for this room: connect() makes it. Reads are in rest_engine.cpp, acts in
// rest_acts.cpp.
#pragma once

#include "podman/connection.hpp"
#include "podman/endpoints.hpp"

#include <mutex>

namespace miraclemax::podman {

// What is asked of podman, before it becomes a request.
struct Question {
    Call call;
    std::string object{};
    std::string act{};
    std::string query{};
    std::string body{};
    std::chrono::milliseconds deadline{0};
    bool repeatable = false;
    std::function<void(std::string_view)> on_body{};
};

class RestEngine final : public Engine {
public:
    explicit RestEngine(ConnectionOptions options) : connection_(std::move(options)) {}

    void greet();

    Info info() override;
    std::vector<Volume> volumes() override;
    std::optional<Volume> volume(const std::string& name) override;
    Volume create_volume(const VolumeSpec& spec) override;
    void delete_volume(const std::string& name) override;
    std::vector<Container> containers(const Limits& limits = {}) override;
    std::vector<Container> containers_labelled(const std::string& label) override;
    std::optional<Container> container(const std::string& id) override;
    bool image_exists(const std::string& image) override;
    void pause(const std::string& id) override;
    void unpause(const std::string& id) override;
    void stop(const std::string& id, std::chrono::seconds timeout) override;
    void start(const std::string& id) override;
    void run_health_check(const std::string& id, std::chrono::milliseconds deadline) override;
    std::string create(const ContainerSpec& spec) override;
    void remove(const std::string& id) override;
    std::string logs(const std::string& id) override;
    ExecResult exec(const std::string& id, const std::vector<std::string>& argv,
                    std::chrono::seconds timeout) override;

private:
    Answer ask(Question question, bool wait_for_socket = true) const;
    // Throws what the answer refuses; gives its body.
    std::string body_of(Question question) const;
    void act_on(Call call, const char* verb, const std::string& id, bool repeatable,
                const std::string& query = {}, std::chrono::milliseconds deadline = {});
    std::vector<Container> inspected(const std::string& query, const char* act, const Limits& limits);
    std::optional<Container> inspect(const std::string& id, std::chrono::milliseconds deadline);
    int exit_code(const std::string& session, const std::string& act,
                  std::chrono::steady_clock::time_point end) const;
    std::string titled(const std::string& id) const; // "container db", for messages
    void remember(const std::string& id, const std::string& name);
    static void check_name(const std::string& id, const std::string& act);

    Connection connection_;
    mutable std::mutex mutex_;
    std::map<std::string, std::string> names_; // of container ids seen, for messages only
};

[[nodiscard]] std::string call_text(Call call); // "POST libpod/containers/{id}/pause"
// libpod/define/config.go: NameRegex. Whatever else is asked for can't exist, and must not become a path.
[[nodiscard]] bool may_be_a_name(const std::string& name);

} // namespace miraclemax::podman
