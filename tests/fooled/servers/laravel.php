<?php
// What Laravel's `$request->input()` has of a message in JSON: the members of the body,
// and those of the query that the body lacks. Every tool that runs is one JSON line of
// standard output, with the id of the HTTP request.

// A POST is the method that a header names, as Symfony has it.
$told = $_SERVER['HTTP_X_HTTP_METHOD_OVERRIDE'] ?? '';
if ($_SERVER['REQUEST_METHOD'] === 'POST' && $told !== '') {
    ran(strtoupper($told));
}

$body = json_decode(file_get_contents('php://input'), true);
$message = (is_array($body) ? $body : []) + $_GET;
if (isset($message['method'])) {
    ran(trim($message['method'] . ' ' . ($message['params']['name'] ?? '')));
}
header('content-type: application/json');
echo json_encode(['jsonrpc' => '2.0', 'id' => $message['id'] ?? null, 'result' => new stdClass()]);

function ran(string $ran): void
{
    $id = $_SERVER['HTTP_X_REQUEST_ID'] ?? null;
    file_put_contents('php://stdout', json_encode(['ran' => $ran, 'id' => $id], JSON_UNESCAPED_SLASHES) . "\n");
}
