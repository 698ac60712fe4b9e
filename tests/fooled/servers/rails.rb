# A Rails controller that takes an MCP message from `params`, as they are written: Rails
# merges the query and the body, the query wins, and what is no object comes under `_json`.
# Every tool or handler that runs is one JSON line of standard output, with the id of the
# HTTP request.

require "json"
require "socket"
require "rack"
require "puma"
require "puma/server"
require "action_controller"

$stdout.sync = true

def tell(ran, request)
  puts JSON.generate(ran: ran, id: request.get_header("HTTP_X_REQUEST_ID"))
end

# Without views, which would need a parser of HTML.
class Controller < ActionController::Metal
  include ActionController::StrongParameters

  private

  def answer(id = nil)
    self.content_type = "application/json"
    self.response_body = JSON.generate(jsonrpc: "2.0", id: id, result: {})
  end
end

class McpController < Controller
  def create
    messages = params[:_json] || params
    (messages.is_a?(Array) ? messages : [messages]).each { |message| run_message(message) }
    answer params[:id]
  end

  def destroy
    tell "close", request
    answer
  end

  private

  def run_message(message)
    return unless message.respond_to?(:key?) && message[:method].present?
    thing = message[:params].respond_to?(:key?) ? message[:params][:name] : nil
    tell [message[:method], thing].compact.join(" "), request
  end
end

class FilesController < Controller
  def create
    tell "create", request
    answer
  end

  def show
    tell "show", request
    answer
  end

  def destroy
    tell "destroy", request
    answer
  end
end

# As in Grape, Phoenix and Laravel: the body wins, and the query fills in what it lacks.
class FillingController < Controller
  def create
    body = JSON.parse(request.raw_post)
    message = request.query_parameters.merge(body.is_a?(Hash) ? body : { "_json" => body })
    if message["method"]
      tell [message["method"], message.dig("params", "name")].compact.join(" "), request
    end
    answer message["id"]
  end
end

# With the wrapper of parameters that Rails has for JSON: a body is also under the name of the
# controller, unless the query has that.
class WrappedController < Controller
  include ActionController::Instrumentation
  include ActionController::ParamsWrapper

  wrap_parameters format: [:json]

  def logger = nil

  def create
    message = params[:wrapped].respond_to?(:to_unsafe_h) ? params[:wrapped].to_unsafe_h : {}
    tell [message["method"], message.dig("params", "name")].compact.join(" "), request
    answer message["id"]
  end
end

routes = ActionDispatch::Routing::RouteSet.new
routes.draw do
  post "/mcp", to: McpController.action(:create)
  delete "/mcp", to: McpController.action(:destroy)
  post "/mcp/filling", to: FillingController.action(:create)
  match "/mcp/wrapped", to: WrappedController.action(:create), via: [:get, :post]
  post "/files/:id", to: FilesController.action(:create)
  get "/files/:id", to: FilesController.action(:show)
  delete "/files/:id", to: FilesController.action(:destroy)
end

# What Rails puts before every application that is not for an API alone.
app = Rack::Builder.new do
  use Rack::MethodOverride
  run routes
end.to_app

server = Puma::Server.new(app, Puma::Events.null, min_threads: 1, max_threads: 4)
listener = server.add_tcp_listener("127.0.0.1", 0)
puts JSON.generate(listening: "127.0.0.1:#{listener.addr[1]}")
server.run.join
