// SPDX-License-Identifier: BSD-3-Clause
//
// What the operator's tool may ask of a running executive: the words of
// docs/protocol/control.md, as text in and text out.  Who carries the lines is
// os/control_server's matter, what stands behind the words the Subject's.
//
// Threads: none.

#pragma once

#include <ais/result.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ais {

class Control {
  public:
    // An answer, as the text of a JSON value; it may come later.
    using Answer = std::function<void(const Result<std::string>& json)>;

    class Subject {
      public:
        // JSON objects.
        [[nodiscard]] virtual std::string status_json() const = 0;
        [[nodiscard]] virtual std::string plugins_json() const = 0;
        // Text for people.
        [[nodiscard]] virtual std::string dump_text() const = 0;
        virtual void replace_plugin(const std::string& name,
                                    const std::string& file,
                                    Answer answer) = 0;

      protected:
        ~Subject() = default;
    };

    explicit Control(Subject& subject) : subject_(subject) {}

    // `reply` is called once, now or later, with one line without its end.
    void on_line(std::string_view line, const std::function<void(std::string)>& reply);

  private:
    Subject& subject_;
};

}  // namespace ais
