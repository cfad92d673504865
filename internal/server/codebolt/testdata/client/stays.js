// Connects, asks once, and stays until the server closes the connection.
import codebolt, { socket } from '@codebolt/codeboltjs';

try {
  await codebolt.waitForReady();
} catch (error) {
  console.log(`refused: ${error.message}`);
  process.exit(0);
}
const answer = await codebolt.eventLog.listInstances();
console.log(`ready: ${answer.success} ${answer.error ?? ''}`);
socket.on('close', (code, reason) => {
  console.log(`closed: ${code} ${reason}`);
  process.exit(0);
});
