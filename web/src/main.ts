// Starts the pages: styles, the wires between parts that do not know each other, then the first component.
import './styles/tokens.css';
import './styles/page.css';
import { mount } from 'svelte';
import { listen } from './api/http';
import App from './App.svelte';
import { clock } from './live/clock.svelte';
import { session } from './session.svelte';
import { settings } from './settings.svelte';

// Another version of the daemon has other files: the page that asks for an old one begins anew.
addEventListener('vite:preloadError', () => location.reload());

listen({ date: (date) => clock.learn(date), unauthorised: () => session.lost() });
settings.apply();
clock.start();
void session.begin();
mount(App, { target: document.body });
